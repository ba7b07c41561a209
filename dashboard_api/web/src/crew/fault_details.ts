/** Faults with their timelines, as the server told them or as the phone has kept them. */

import type { Fault, FaultDetail } from "../city/types";
import type { KeptAnswers } from "./kept_answers";
import { get, NoAnswer } from "./server";

const KEPT = 60; // of my work: a day's

export class FaultDetails {
  readonly #kept: KeptAnswers;
  readonly #told: (detail: FaultDetail) => void;
  readonly #changed: () => void;
  readonly #details = new Map<string, FaultDetail>();
  /** What was asked for already, so that what is drawn again and again asks once. */
  readonly #asked = new Set<string>();

  /** `told` is called with what the server answers, `changed` after each change. */
  constructor(kept: KeptAnswers, told: (detail: FaultDetail) => void, changed: () => void) {
    this.#kept = kept;
    this.#told = told;
    this.#changed = changed;
  }

  get(id: string): FaultDetail | undefined {
    return this.#details.get(id);
  }

  /** A fault as the server has it now, without its timeline. */
  take(fault: Fault): void {
    const detail = this.#details.get(fault.id);
    if (detail && detail.version < fault.version) this.#details.set(fault.id, { ...detail, ...fault });
  }

  clear(): void {
    this.#details.clear();
    this.#asked.clear();
  }

  /** From the server, else from the phone; its page is drawn with each. */
  async ask(id: string): Promise<void> {
    const key = `fault/${id}`;
    const kept = await this.#kept.get(key);
    if (kept && !this.#details.has(id)) {
      this.#details.set(id, kept.value as FaultDetail);
      this.#changed();
    }
    try {
      const detail = (await get(`/faults/${encodeURIComponent(id)}`)) as FaultDetail;
      this.#told(detail);
      this.#details.set(id, detail);
      await this.#kept.put(key, detail, Date.now());
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
    this.#changed();
  }

  /** Ask for a fault whose timeline reaches to a version, once for each. */
  askFor(id: string, version: number): void {
    const entries = this.#details.get(id)?.timeline ?? [];
    const key = `${id} ${version}`;
    if (entries.some((entry) => entry.version >= version) || this.#asked.has(key)) return;
    this.#asked.add(key);
    void this.ask(id);
  }

  /** Keep faults for the days without a network while `isConnected`, and forget those of nobody's work. */
  async keep(faults: readonly Fault[], isConnected: () => boolean): Promise<void> {
    const wanted = faults.slice(0, KEPT);
    for (const fault of wanted) {
      const kept = await this.#kept.get(`fault/${fault.id}`);
      if ((kept?.value as FaultDetail | undefined)?.version === fault.version) continue;
      if (!isConnected()) return;
      await this.ask(fault.id);
    }
    await this.#kept.prune(Date.now(), new Set(wanted.map(({ id }) => `fault/${id}`)));
  }
}

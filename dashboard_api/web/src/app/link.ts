/** Whether the server is reached: a small question every few seconds, and what the live feed says. */

import { get, Problem, Unreachable } from "../city/api";
import type { LampChanges } from "../city/types";

const EVERY_MS = 5_000;
const TIMEOUT_MS = 5_000;

export interface LinkListener {
  /** The server answered; `changes` is null where it is of a version that cannot tell them. */
  onAnswer(changes: LampChanges | null): void;
  /** Reached or not has changed. */
  onTurn(): void;
}

export class Link {
  readonly #listener: LinkListener;
  #mark: string | null = null;
  #timer = 0;
  #isAsking = false;
  #serverLostMs: number | null = null;
  #feedLostMs: number | null = null;
  /** When the server last answered, by this device's clock. */
  heardAtMs: number | null = null;

  constructor(listener: LinkListener) {
    this.#listener = listener;
  }

  /** Since when the server is out of reach, or null. */
  get lostSinceMs(): number | null {
    const since = Math.min(this.#serverLostMs ?? Infinity, this.#feedLostMs ?? Infinity);
    return since === Infinity ? null : since;
  }

  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.ask();
    });
    void this.ask();
  }

  feedRuns(): void {
    this.#feedLostMs = null;
    this.#listener.onTurn();
  }

  feedLost(sinceMs: number): void {
    this.#feedLostMs ??= sinceMs;
    this.#listener.onTurn();
    void this.ask();
  }

  /** Ask now, and again after a while. */
  async ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    window.clearTimeout(this.#timer);
    try {
      if (!document.hidden) await this.#turn();
    } finally {
      this.#isAsking = false;
      this.#timer = window.setTimeout(() => void this.ask(), EVERY_MS);
    }
  }

  async #turn(): Promise<void> {
    const beganMs = Date.now();
    const query = this.#mark === null ? "" : `?since=${encodeURIComponent(this.#mark)}`;
    let changes: LampChanges | null = null;
    try {
      changes = await get<LampChanges>(`/lamps/changes${query}`, TIMEOUT_MS);
      this.#mark = changes.mark;
    } catch (error) {
      if (error instanceof Unreachable) {
        if (this.#serverLostMs === null) {
          this.#serverLostMs = this.heardAtMs ?? beganMs;
          this.#listener.onTurn();
        }
        return;
      }
      if (!(error instanceof Problem)) throw error;
    }
    this.heardAtMs = Date.now();
    if (this.#serverLostMs !== null) {
      this.#serverLostMs = null;
      this.#listener.onTurn();
    }
    this.#listener.onAnswer(changes);
  }
}

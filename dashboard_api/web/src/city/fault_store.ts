/** The faults that are not closed, as the page knows them now, and which of them the reader wants to see. */

import type { Fault, FaultEvent, FaultState } from "./types";

export interface Filter {
  text: string;
  district: string;
  code: string;
  state: FaultState | "";
  severity: string;
  cabinetId: string;
}

export const NO_FILTER: Filter = { text: "", district: "", code: "", state: "", severity: "", cabinetId: "" };

/** The order in which a crew should drive: priority first, the longer-standing one among equals. */
export function byPriority(a: Fault, b: Fault): number {
  return b.priority - a.priority || a.opened_at.localeCompare(b.opened_at) || a.id.localeCompare(b.id);
}

/** Whether a fault is one of those that the filter asks for. */
export function passes(fault: Fault, filter: Filter, titleOf: (code: string) => string): boolean {
  if (filter.district && fault.district !== filter.district) return false;
  if (filter.code && fault.code !== filter.code) return false;
  if (filter.state && fault.state !== filter.state) return false;
  if (filter.severity && fault.severity !== filter.severity) return false;
  if (filter.cabinetId && fault.cabinet_id !== filter.cabinetId) return false;
  if (!filter.text) return true;
  const searched = [titleOf(fault.code), fault.code, fault.street, fault.district, fault.cabinet_id, fault.assignee];
  const haystack = [...searched, fault.controller_id, ...fault.lamp_ids].join("\n").toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((part) => haystack.includes(part));
}

type Change = "opened" | "changed" | "closed" | "loaded";

export class FaultStore {
  readonly #faults = new Map<string, Fault>();
  readonly #listeners = new Set<(change: Change, fault: Fault | null) => void>();
  #isLoaded = false;

  /** Whether the city has told its faults yet: until then an empty list means nothing. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  onChange(listener: (change: Change, fault: Fault | null) => void): void {
    this.#listeners.add(listener);
  }

  #tell(change: Change, fault: Fault | null): void {
    for (const listener of this.#listeners) listener(change, fault);
  }

  /** Put what the server lists in place of all that was known. */
  load(faults: Iterable<Fault>): void {
    this.#isLoaded = true;
    this.#faults.clear();
    for (const fault of faults) this.#faults.set(fault.id, fault);
    this.#tell("loaded", null);
  }

  /** Take one fault as it is now; an older version than the known one is dropped. */
  take(fault: Fault): void {
    const known = this.#faults.get(fault.id);
    if (known && known.version > fault.version) return;
    if (fault.state === "closed" || fault.caused_by !== null) {
      if (this.#faults.delete(fault.id)) this.#tell("closed", fault);
      return;
    }
    // a list leaves the timeline out: what is known of it stays
    this.#faults.set(fault.id, known?.timeline && !fault.timeline ? { ...fault, timeline: known.timeline } : fault);
    this.#tell(known ? "changed" : "opened", fault);
  }

  hear(event: FaultEvent): void {
    this.take(event.fault);
  }

  get(id: string): Fault | undefined {
    return this.#faults.get(id);
  }

  all(): Fault[] {
    return [...this.#faults.values()].sort(byPriority);
  }
}

/** The faults of the list as the page knows them: pages of the server's list, and what the live feed adds. */

import { get, getKept } from "./api";
import type { FirstAnswers } from "./first_answers";
import type { Fault, FaultEvent, FaultPage, FaultState } from "./types";

export interface Filter {
  text: string;
  district: string;
  code: string;
  state: FaultState | "";
  severity: string;
  cabinetId: string;
  /** Opened within so many hours; 0 = whenever. */
  withinHours: number;
}

export const NO_FILTER: Filter = {
  text: "",
  district: "",
  code: "",
  state: "",
  severity: "",
  cabinetId: "",
  withinHours: 0,
};
const PAGE = 50;
/** What the document carries, or preloads where it is the plain one; see index.html. */
export const FIRST_PAGE = `/faults?order=priority&limit=${PAGE}`;

/** Order of times and ids, which are ASCII: a locale's own order takes far longer. */
function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The order in which a crew should drive: priority first, the longer-standing one among equals. */
export function byPriority(a: Fault, b: Fault): number {
  return b.priority - a.priority || order(a.opened_at, b.opened_at) || order(a.id, b.id);
}

/** Whether a fault is one of those that the filter asks for. */
export function passes(fault: Fault, filter: Filter, titleOf: (code: string) => string, nowMs = Date.now()): boolean {
  if (filter.district && fault.district !== filter.district) return false;
  if (filter.code && fault.code !== filter.code) return false;
  if (filter.state && fault.state !== filter.state) return false;
  if (filter.severity && fault.severity !== filter.severity) return false;
  if (filter.cabinetId && fault.cabinet_id !== filter.cabinetId) return false;
  if (filter.withinHours && Date.parse(fault.opened_at) < nowMs - filter.withinHours * 3_600_000) return false;
  if (!filter.text) return true;
  const searched = [titleOf(fault.code), fault.code, fault.street, fault.district, fault.cabinet_id, fault.assignee];
  const haystack = [...searched, fault.controller_id, ...fault.lamp_ids].join("\n").toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((part) => haystack.includes(part));
}

/** The server's question for a filter; text is matched on the page and by `/search`. */
export function questionOf(filter: Filter, nowMs: number): string {
  const query = new URLSearchParams({ order: filter.state === "closed" ? "-opened_at" : "priority", limit: `${PAGE}` });
  if (filter.state) query.set("state", filter.state);
  if (filter.code) query.set("code", filter.code);
  if (filter.severity) query.set("severity", filter.severity);
  if (filter.district) query.set("district", filter.district);
  if (filter.cabinetId) query.set("cabinet_id", filter.cabinetId);
  if (filter.withinHours) query.set("since", new Date(nowMs - filter.withinHours * 3_600_000).toISOString());
  const question = `/faults?${query.toString()}`;
  return question;
}

type Change = "opened" | "changed" | "closed" | "loaded";

export class FaultStore {
  readonly #faults = new Map<string, Fault>();
  readonly #listeners = new Set<(change: Change, fault: Fault | null) => void>();
  #isLoaded = false;
  #cursor: string | null = null;
  #question = FIRST_PAGE;
  #wantsClosed = false;

  /** Whether the city has told its faults yet: until then an empty list means nothing. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get hasMore(): boolean {
    return this.#cursor !== null;
  }

  onChange(listener: (change: Change, fault: Fault | null) => void): void {
    this.#listeners.add(listener);
  }

  #tell(change: Change, fault: Fault | null): void {
    for (const listener of this.#listeners) listener(change, fault);
  }

  /** Take the first page of the list from the document, which carries it; whether it does. */
  takeFirst(answers: FirstAnswers): boolean {
    const page = answers.take<FaultPage>(FIRST_PAGE);
    if (!page) return false;
    this.load(page.items);
    this.#cursor = page.next_cursor;
    return true;
  }

  /** Ask for the first page of a list; answers when it was told, by this device's clock. Raises Unreachable, Problem. */
  async ask(question = FIRST_PAGE, wantsClosed = false): Promise<{ atMs: number; isOld: boolean }> {
    this.#question = question;
    const { value, keptAtMs, isOld } = await getKept<FaultPage>(question);
    if (question !== this.#question) return { atMs: keptAtMs, isOld }; // the reader asked for another one meanwhile
    this.#wantsClosed = wantsClosed;
    this.load(value.items);
    this.#cursor = value.next_cursor;
    return { atMs: keptAtMs, isOld };
  }

  /** Ask for the next page of the same list. Raises Unreachable, Problem. */
  async askMore(): Promise<void> {
    const question = this.#question;
    if (this.#cursor === null) return;
    const page = await get<FaultPage>(`${question}&cursor=${encodeURIComponent(this.#cursor)}`);
    if (question !== this.#question) return;
    this.#cursor = page.next_cursor;
    for (const fault of page.items) this.#faults.set(fault.id, fault);
    this.#tell("loaded", null);
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
    if ((fault.state === "closed" && !this.#wantsClosed) || fault.caused_by !== null) {
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

/** What the crew's page knows of the city: faults, repairs, who is signed in; from the server, else from the phone. */

import type { CityClock } from "../city/clock";
import { byPriority } from "../city/fault_store";
import type {
  CheckItem,
  CheckList,
  City,
  Fault,
  LampAnswer,
  Me,
  Repair,
  RepairPage,
  FaultPage,
  FaultDetail,
} from "../city/types";
import { whole } from "../city/whole";
import type { Words } from "../words/words";
import { FaultDetails } from "./fault_details";
import type { KeptAnswers } from "./kept_answers";
import { SameAnswers } from "./same_answers";
import { get, getMe, NoAnswer, type Trouble } from "./server";

/** The first page, which the document preloads; the others follow once it is shown. */
export const FIRST_FAULTS = "/faults?order=priority&limit=50";
const PAGE = 250; // faults of one answer: what a phone reads within a frame or two
const MOST_PAGES = 20;
const MORNING_MS = 36 * 3_600_000;
const SET_BACK_MS = 60_000; // less is the difference of two clocks

export type ListedRepair = RepairPage["items"][number];
export type { Repair };

export interface KeptFaults {
  items: Fault[];
  isComplete: boolean;
}

export class CrewData {
  readonly #kept: KeptAnswers;
  readonly #clock: CityClock;
  readonly #words: Words;
  readonly #changed: () => void;
  readonly #faults = new Map<string, Fault>();
  #sorted: readonly Fault[] | null = null;
  readonly #pages = new SameAnswers();
  readonly details: FaultDetails;
  #isComplete = false;
  #loading: Promise<void> | null = null;
  /** When the list was told, by the clock that counts while this page is open; null = before it was opened. */
  #toldMonotonicMs: number | null = null;
  /** Grows with every change of the faults. */
  revision = 0;
  city: City | null = null;
  /** Whether the city's clock is known: told since the page was opened, or by a phone's clock that was not set back since. */
  isTimeKnown = false;
  me: Me | null = null;
  repairs: ListedRepair[] | null = null;
  stillDark: ListedRepair[] | null = null;
  /** Reports of citizens that wait for a look, oldest first; null = not known, or not for this person. */
  checks: CheckItem[] | null = null;
  /** When the list was told, by this phone's clock; null = never yet. */
  atMs: number | null = null;
  /** Called when the server has told who is signed in and what time it is: before the lists, which may take long. */
  onTime: () => void = () => undefined;
  /** Why the newest question had no answer; null = it had one. */
  trouble: Trouble | null = null;

  constructor(kept: KeptAnswers, clock: CityClock, words: Words, changed: () => void) {
    this.#kept = kept;
    this.#clock = clock;
    this.#words = words;
    this.#changed = changed;
    this.details = new FaultDetails(
      kept,
      (detail) => {
        this.take(detail);
      },
      changed,
    );
    words.onChange(() => {
      this.#askOwnWords();
    });
  }

  get isLoaded(): boolean {
    return this.atMs !== null;
  }

  /** How old the list is; while the page stays open the clock that cannot be set is the least. null = there is none. */
  ageMs(): number | null {
    if (this.atMs === null) return null;
    const toldMs = this.#toldMonotonicMs;
    return Math.max(Date.now() - this.atMs, toldMs === null ? -Infinity : performance.now() - toldMs);
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Every open fault, most urgent first. */
  faults(): readonly Fault[] {
    this.#sorted ??= [...this.#faults.values()].sort(byPriority);
    return this.#sorted;
  }

  #isOther(): void {
    this.revision += 1;
    this.#sorted = null;
  }

  fault(id: string): Fault | undefined {
    return this.details.get(id) ?? this.#faults.get(id);
  }

  detail(id: string): FaultDetail | undefined {
    return this.details.get(id);
  }

  /** Take a fault as the server has it now. */
  take(fault: Fault): void {
    const known = this.#faults.get(fault.id);
    if (known && known.version > fault.version) return;
    this.#isOther();
    if (fault.state === "closed") this.#faults.delete(fault.id);
    else this.#faults.set(fault.id, fault);
    this.details.take(fault);
  }

  /** What the phone kept from the last time. */
  async recall(): Promise<void> {
    const [city, me, repairs, stillDark, checks] = await Promise.all(
      ["city", "me", "repairs", "still-dark", "checks"].map((key) => this.#kept.get(key)),
    );
    const faults = await this.#kept.getList("faults");
    if (city && !this.city) {
      this.isTimeKnown = Date.now() >= city.atMs - SET_BACK_MS;
      this.#setCity(city.value as City, this.isTimeKnown ? city.atMs : Date.now());
    }
    if (me && !this.me) this.me = me.value as Me;
    if (repairs) this.repairs ??= (repairs.value as RepairPage).items;
    if (checks) this.checks ??= (checks.value as CheckList).items;
    if (stillDark) this.stillDark ??= (stillDark.value as RepairPage).items;
    if (faults && this.atMs === null) {
      const kept = { next_cursor: null, ...(faults.value as KeptFaults) };
      const { items, isComplete } = whole("/faults?", kept) as KeptFaults; // another build may have kept it
      this.#load(items, isComplete, faults.atMs, true);
    }
    this.#changed();
  }

  #setCity(city: City, toldAtMs: number): void {
    this.city = city;
    this.#clock.set(city, toldAtMs);
    this.#words.setCityLanguage(city.language);
    this.#askOwnWords();
  }

  /** Few cities have words of their own: what asks for them comes only then. */
  #askOwnWords(): void {
    const { own_words: own = [] } = (this.city ?? {}) as Partial<City>; // an older server's answer has none
    const { language, hasOwn } = this.#words;
    if (hasOwn || !own.includes(language)) return;
    const asked = import("./own_words").then((part) => part.askOwnWords(language, this.#words, this.#kept));
    asked.catch(() => undefined);
  }

  /** Ask for everything anew. Never rejects; `trouble` says what is wrong. */
  async refresh(): Promise<void> {
    this.#loading ??= this.#attempt().finally(() => {
      this.#loading = null;
      this.#changed();
    });
    return this.#loading;
  }

  /** The phone has told that it has no network. */
  readonly lose = (): void => {
    this.trouble = "offline";
    this.#changed();
  };

  async #attempt(): Promise<void> {
    try {
      await this.#refresh();
      this.trouble = null;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      this.trouble = error.why;
    }
  }

  async #refresh(): Promise<void> {
    this.#pages.begin();
    const told = Promise.all([this.#askCity(), this.#askMe()]).then(() => {
      this.onTime();
    });
    let [page] = (await Promise.all([this.#pages.ask(FIRST_FAULTS), told])) as [FaultPage, unknown];
    const nowMs = Date.now();
    const items = [...page.items];
    this.#toldMonotonicMs = performance.now();
    this.#load(items, page.next_cursor === null, nowMs, this.#faults.size <= items.length);
    this.#changed();
    for (let n = 0; page.next_cursor !== null && n < MOST_PAGES; n += 1) {
      const question = `/faults?order=priority&limit=${PAGE}&cursor=${encodeURIComponent(page.next_cursor)}`;
      page = (await this.#pages.ask(question)) as FaultPage;
      items.push(...page.items);
    }
    this.#pages.end();
    this.#load(items, page.next_cursor === null, nowMs, true);
    await this.#kept.putList("faults", items, { isComplete: this.#isComplete }, nowMs);
    this.#changed();
    await this.#refreshRepairs(nowMs);
    await this.#refreshChecks(nowMs);
  }

  async #askCity(): Promise<void> {
    const city = (await get("/city")) as City;
    const nowMs = Date.now();
    this.isTimeKnown = true;
    this.#setCity(city, nowMs);
    void this.#kept.put("city", city, nowMs);
  }

  /** The newest time that the server has told, by its own clock; null = none. */
  get toldMs(): number | null {
    const toldMs = Date.parse(this.city?.now ?? "");
    return Number.isNaN(toldMs) ? null : toldMs;
  }

  async #refreshChecks(nowMs: number): Promise<void> {
    try {
      const checks = (await get("/checks?limit=200")) as CheckList;
      this.checks = checks.items;
      await this.#kept.put("checks", checks, nowMs);
    } catch (error) {
      // a viewer has none, and an older server knows none
      if (!(error instanceof NoAnswer) || (error.why !== "refused" && error.why !== "missing")) throw error;
      this.checks = null;
    }
  }

  /** What one account was shown is not left to the next. */
  async #askMe(): Promise<void> {
    const me = await getMe();
    if (this.me && (this.me.name !== me.name || this.me.accounts !== me.accounts)) {
      await this.#kept.forget();
      this.#faults.clear();
      this.#isOther();
      this.details.clear();
    }
    this.me = me;
    await this.#kept.put("me", me, Date.now());
  }

  #load(items: readonly Fault[], isComplete: boolean, atMs: number, isWhole: boolean): void {
    this.#isComplete = isComplete;
    this.atMs = atMs;
    // an answer that says the same brings the same objects
    const isSame = items.every((fault) => this.#faults.get(fault.id) === fault);
    if (isSame && (!isWhole || items.length === this.#faults.size)) return;
    this.#isOther();
    if (isWhole) this.#faults.clear(); // the first page alone must not take the rest of the kept list away
    for (const fault of items) this.#faults.set(fault.id, fault);
  }

  async #refreshRepairs(nowMs: number): Promise<void> {
    const since = new Date(this.#clock.nowMs() - MORNING_MS).toISOString();
    const [mine, dark] = await Promise.all([
      get("/repairs?limit=100"),
      get(`/repairs?actor=*&result=still_dark&limit=500&since=${encodeURIComponent(since)}`),
    ]);
    this.repairs = (mine as RepairPage).items;
    this.stillDark = (dark as RepairPage).items;
    await this.#kept.put("repairs", mine, nowMs);
    await this.#kept.put("still-dark", dark, nowMs);
  }

  async askDetail(id: string): Promise<void> {
    await this.details.ask(id);
  }

  /** Keep the details of faults for the days without a network, and forget those of nobody's work. */
  async keepDetails(faults: readonly Fault[]): Promise<void> {
    await this.details.keep(faults, () => this.trouble === null);
  }

  /** A lamp from the server, else from the phone, else null. */
  async lamp(id: string): Promise<LampAnswer | null> {
    const key = `lamp/${id}`;
    try {
      const lamp = (await get(`/lamps/${encodeURIComponent(id).replaceAll("%2F", "/")}`)) as LampAnswer;
      await this.#kept.put(key, lamp, Date.now());
      return lamp;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return ((await this.#kept.get(key))?.value as LampAnswer | undefined) ?? null;
    }
  }
}

/** What the page knows of the city beside its faults: name and zone, figures, names of cabinets and quantities. */

import { getKept, isExpected } from "../city/api";
import type { CityClock } from "../city/clock";
import type { FirstAnswers } from "../city/first_answers";
import type { Looks } from "../map/icons";
import {
  type Cabinet,
  type CabinetList,
  type City,
  type Code,
  type CodeList,
  type FaultPage,
  lookOf,
  type Me,
  type OwnWords,
  type QuantityList,
  type Summary,
} from "../city/types";
import type { Words } from "../words/words";

const NAMED_UP_TO_LAMPS = 20_000; // in a larger city the map's tiles and the views name the cabinets
const SUMMARY_AFTER_MS = 1_500; // events come in heaps

export class CityModel {
  readonly cabinets = new Map<string, Cabinet>();
  readonly #clock: CityClock;
  readonly #words: Words;
  readonly #changed: () => void;
  #city: City | null = null;
  #summary: Summary | null = null;
  #me: Me | null = null;
  #looks: Looks = new Map();
  #timer = 0;

  /** `changed` is called after every answer. */
  constructor(clock: CityClock, words: Words, changed: () => void) {
    this.#clock = clock;
    this.#words = words;
    this.#changed = changed;
    words.onChange(() => {
      void this.#askOwnWords();
    });
  }

  get city(): City | null {
    return this.#city;
  }

  get summary(): Summary | null {
    return this.#summary;
  }

  get me(): Me | null {
    return this.#me;
  }

  /** How each fault code is shown; empty until the server has said so. */
  get looks(): Looks {
    return this.#looks;
  }

  get isComplete(): boolean {
    return this.#city !== null && this.#summary !== null;
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names what the path answers
  async #ask<T>(path: string, take: (value: T, keptAtMs: number) => void): Promise<void> {
    try {
      const { value, keptAtMs } = await getKept<T>(path);
      take(value, keptAtMs);
    } catch (error) {
      isExpected(error); // asked again with the next answer of the server
    }
    this.#changed();
  }

  /** Take from the document what it carries of the city. */
  takeFirst(answers: FirstAnswers): void {
    const city = answers.takeCity();
    if (city) this.#takeCity(city, Date.now());
    this.#summary = answers.take<Summary>("/summary");
    const codes = answers.take<Pick<CodeList, "items">>("/codes");
    if (codes) this.#takeLooks(codes.items);
  }

  #takeCity(city: City, answeredAtMs: number): void {
    this.#city = city;
    this.#clock.set(city, answeredAtMs);
    this.#words.setNames(city.languages);
    this.#words.setCityLanguage(city.language);
    const look = lookOf(city);
    document.title = `${look.title} · Terang`;
    document.documentElement.style.setProperty("--accent", look.accent ?? "transparent");
    void this.#askOwnWords();
  }

  /** The city's own words in the present language, once. */
  async #askOwnWords(): Promise<void> {
    const { own_words: own }: Partial<City> = this.#city ?? {}; // an older server's answer has none
    const { language, hasOwn } = this.#words;
    if (hasOwn || !own?.includes(language)) return;
    await this.#ask<OwnWords>(`/words/${language}`, ({ messages }) => {
      this.#words.setOwn(language, messages);
    });
  }

  #takeLooks(codes: readonly Code[]): void {
    this.#looks = new Map(codes.map(({ code, family, darkens }) => [code, { family, darkens }]));
  }

  /** The controllers that are not heard, whatever the list shows. */
  async askOffline(): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    await this.#ask<FaultPage>("/faults?code=controllerOffline&limit=1000", ({ items }) => {
      for (const { controller_id } of items) if (controller_id !== null) found.add(controller_id);
    });
    return found;
  }

  /** The fault catalogue, with the titles of codes that the page's own words do not know. */
  async askCodes(): Promise<void> {
    await this.#ask<CodeList>("/codes", ({ items }) => {
      this.#takeLooks(items);
      this.#words.setCodes(items);
    });
  }

  async askCity(): Promise<void> {
    await this.#ask<City>("/city", (city, keptAtMs) => {
      this.#takeCity(city, keptAtMs);
    });
  }

  async askMe(): Promise<void> {
    await this.#ask<Me>("/me", (me) => {
      this.#me = me;
    });
  }

  async askSummary(): Promise<void> {
    await this.#ask<Summary>("/summary", (summary) => {
      this.#summary = summary;
    });
  }

  summarySoon(): void {
    if (this.#timer) return;
    this.#timer = window.setTimeout(() => {
      this.#timer = 0;
      void this.askSummary();
    }, SUMMARY_AFTER_MS);
  }

  async askCabinets(): Promise<void> {
    if ((this.#city?.lamps ?? 0) > NAMED_UP_TO_LAMPS) return;
    await this.#ask<CabinetList>("/cabinets", ({ items }) => {
      for (const cabinet of items) this.cabinets.set(cabinet.cabinet_id, cabinet);
    });
  }

  async askQuantities(): Promise<void> {
    if (this.#words.quantities().length > 0) return;
    await this.#ask<QuantityList>("/quantities", ({ items }) => {
      this.#words.setQuantities(items);
    });
  }
}

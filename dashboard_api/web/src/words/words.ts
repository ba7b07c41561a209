/** The language of the page: the reader's choice, else the address's, else the city's. */

import type { Code, Language, Quantity } from "../city/types";
import { PAGE_WORDS, type Word } from "./page_words";

const STORED = "terang-language";

function isLanguage(value: string | null): value is Language {
  return value === "id" || value === "en";
}

export class Words {
  #language: Language = "id";
  #isChosen = false;
  readonly #codes = new Map<string, Code>();
  readonly #quantities = new Map<string, Quantity>();
  readonly #listeners = new Set<() => void>();

  constructor() {
    const asked = new URLSearchParams(location.search).get("lang") ?? localStorage.getItem(STORED);
    if (isLanguage(asked)) {
      this.#language = asked;
      this.#isChosen = true;
    }
    document.documentElement.lang = this.#language;
  }

  get language(): Language {
    return this.#language;
  }

  get locale(): string {
    return this.#language === "id" ? "id-ID" : "en-GB";
  }

  /** The city's own language, which holds until the reader chooses. */
  setCityLanguage(language: Language): void {
    if (!this.#isChosen) this.#change(language);
  }

  choose(language: Language): void {
    this.#isChosen = true;
    localStorage.setItem(STORED, language);
    this.#change(language);
  }

  #change(language: Language): void {
    if (language === this.#language) return;
    this.#language = language;
    document.documentElement.lang = language;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  setCodes(codes: readonly Code[]): void {
    this.#codes.clear();
    for (const code of codes) this.#codes.set(code.code, code);
  }

  setQuantities(quantities: readonly Quantity[]): void {
    this.#quantities.clear();
    for (const quantity of quantities) this.#quantities.set(quantity.name, quantity);
  }

  /** Quantities of readings that are numbers, no codes or bits, in the server's order. */
  quantities(): Quantity[] {
    return [...this.#quantities.values()].filter(({ summary }) => summary !== "none");
  }

  /** What a column of readings is called; one that the server does not declare shows as it is. */
  quantity(name: string): string {
    return this.#quantities.get(name)?.title[this.#language] ?? name;
  }

  /** A value of a column of readings with its unit. */
  measured(name: string, value: number): string {
    const { unit = "", decimals = 1 } = this.#quantities.get(name) ?? {};
    return `${this.figure(value, decimals)}\u00a0${unit}`.trimEnd();
  }

  /** A word of the page, its `{…}` filled in. */
  say(word: Word, filling: Record<string, string | number> = {}): string {
    const text = PAGE_WORDS[word][this.#language === "id" ? 0 : 1];
    return text.replace(/\{(\w+)\}/g, (_, name: string) => String(filling[name] ?? ""));
  }

  /** What a fault code is called; a code that the catalogue does not know shows as it is. */
  title(code: string): string {
    return this.#codes.get(code)?.title[this.#language] ?? code;
  }

  /** What to check and bring; what the fault itself says stands in where the catalogue has nothing. */
  advice(code: string, otherwise: string | null): string {
    return this.#codes.get(code)?.advice[this.#language] ?? otherwise ?? "";
  }

  codes(): Code[] {
    return [...this.#codes.values()];
  }

  /** A figure as the language writes it. */
  figure(value: number, digits = 1): string {
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits }).format(value);
  }

  percent(share: number): string {
    return new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: 1 }).format(
      Math.floor(share * 1000) / 1000, // never rounded up to a 100 % that is not one
    );
  }
}

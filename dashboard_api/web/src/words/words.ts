/** The language of the page: the address's, else the reader's choice, else the browser's, else the city's. */

import { numberFormat, pluralRules } from "../city/formats";
import type { Code, Quantity } from "../city/types";
import type { Catalogue, CountedWord, Word } from "./catalogues";

const STORED = "terang-language";
const FIRST = "id"; // until the city has said which language is its own

type Filling = Record<string, string | number>;

function stored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null; // a browser that forbids storage
  }
}

function store(language: string): void {
  try {
    localStorage.setItem(STORED, language);
  } catch {
    // the choice holds as long as the page is open
  }
}

/** The language of `codes` that serves a wish such as `id-ID`: of that name, else of its language. */
function served(wish: string | null, codes: readonly string[]): string | null {
  if (wish === null) return null;
  const [plain] = wish.split("-");
  const same = (code: string, other: string | undefined) => code.toLowerCase() === other?.toLowerCase();
  return codes.find((code) => same(code, wish)) ?? codes.find((code) => same(code, plain)) ?? null;
}

/** The language of `codes` that the address, an earlier choice or the browser asks for, or null. */
function wishedLanguage(codes: readonly string[]): string | null {
  const asked = new URLSearchParams(location.search).get("lang") ?? stored();
  return [asked, ...navigator.languages].map((wish) => served(wish, codes)).find((code) => code !== null) ?? null;
}

/** How the catalogue of a language is loaded, by the language's code. */
export type Loaders = ReadonlyMap<string, () => Promise<Catalogue>>;

export class Words {
  readonly #given: ReadonlyMap<string, Catalogue>;
  readonly #whole = new Map<string, Catalogue>();
  readonly #own = new Map<string, Catalogue>();
  readonly #loaders: Loaders;
  readonly #names = new Map<string, string>();
  #language = FIRST;
  #wanted = FIRST;
  #isChosen = false;
  readonly #codes = new Map<string, Code>();
  readonly #quantities = new Map<string, Quantity>();
  readonly #listeners = new Set<() => void>();

  /** With the catalogues that are there, or parts of them, and the ways to those that are not. */
  constructor(catalogues: ReadonlyMap<string, Catalogue>, loaders: Loaders = new Map()) {
    this.#given = catalogues;
    this.#loaders = loaders;
    const wished = wishedLanguage(this.#known);
    if (wished) {
      this.#language = wished;
      this.#isChosen = true;
    } else if (!catalogues.has(FIRST)) {
      this.#language = [...catalogues.keys()][0] ?? FIRST; // the document's is the city's own
    }
    document.documentElement.lang = this.#language;
  }

  get #known(): string[] {
    return [...new Set([...this.#loaders.keys(), ...this.#given.keys()])].sort();
  }

  get language(): string {
    return this.#language;
  }

  /** How the language writes figures and dates, e.g. id-ID. */
  get locale(): string {
    return this.find("language.locale") ?? this.#language;
  }

  /** Every language that the page can be read in, with its own name. */
  languages(): { code: string; name: string }[] {
    const name = (code: string) => this.#names.get(code) ?? this.#catalogue(code)?.["language.name"] ?? code;
    return this.#known.map((code) => ({ code, name: name(code) }));
  }

  /** What languages call themselves: their catalogues may not have come. */
  setNames(languages: readonly { code: string; name: string }[]): void {
    for (const { code, name } of languages) this.#names.set(code, name);
  }

  /** Whether there are words in the present language: those of the first view at least. */
  get isReady(): boolean {
    return this.#catalogue(this.#language) !== undefined;
  }

  /** Load the whole catalogue of the present language: views beside the list say more than the first one. */
  async complete(): Promise<void> {
    await this.#load(this.#language);
  }

  #catalogue(language: string): Catalogue | undefined {
    return this.#whole.get(language) ?? this.#given.get(language);
  }

  async #load(language: string): Promise<void> {
    const load = this.#loaders.get(language);
    if (!load || this.#whole.has(language)) return;
    try {
      this.#whole.set(language, await load());
    } catch {
      // the network: what is there has to do, and the next time asks again
    }
  }

  /** The city's own language, which holds until the reader chooses. */
  setCityLanguage(language: string): void {
    if (!this.#isChosen) void this.#change(language);
  }

  /** Speak a language from now on, whatever the browser's is, without keeping it as somebody's choice. */
  use(language: string): void {
    this.#isChosen = true;
    void this.#change(language);
  }

  choose(language: string): void {
    this.#isChosen = true;
    store(language);
    void this.#change(language);
  }

  async #change(language: string): Promise<void> {
    this.#wanted = language;
    if (language === this.#language) return;
    if (this.#loaders.has(language) && !this.#whole.has(language)) await this.#load(language);
    if (language !== this.#wanted || !this.#catalogue(language)) return; // another one was chosen meanwhile
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

  /** What the city says in other words, in one language. */
  setOwn(language: string, messages: Catalogue): void {
    this.#own.set(language, messages);
    if (language === this.#language) for (const listener of this.#listeners) listener();
  }

  /** Whether the city's own words in the present language are there. */
  get hasOwn(): boolean {
    return this.#own.has(this.#language);
  }

  /** A message by its id, its `{…}` filled in; undefined where the catalogue has none. */
  find(id: string, filling: Filling = {}): string | undefined {
    const text = this.#own.get(this.#language)?.[id] ?? this.#catalogue(this.#language)?.[id];
    if (!text?.includes("{")) return text;
    return text.replace(/\{(\w+)\}/g, (blank, name: string) => String(filling[name] ?? blank));
  }

  /** A word of the page, its `{…}` filled in. */
  say(word: Word, filling: Filling = {}): string {
    return this.find(`page.${word}`, filling) ?? word;
  }

  /** A word of the page in the form that `n` of it takes in this language; `{n}` is the figure. */
  count(word: CountedWord, n: number): string {
    const filling = { n: this.figure(n, 0) };
    const form = pluralRules(this.locale).select(n);
    return this.find(`page.${word}.${form}`, filling) ?? this.say(`${word}.other`, filling);
  }

  /** What a fault code is called; a code that no catalogue knows shows as it is. */
  title(code: string): string {
    return this.find(`fault.${code}.title`) ?? this.#codes.get(code)?.title[this.#language] ?? code;
  }

  /** What to check and bring; what the fault itself says stands in where the catalogue has nothing. */
  advice(code: string, otherwise: string): string {
    return this.find(`fault.${code}.advice`) ?? this.#codes.get(code)?.advice[this.#language] ?? otherwise;
  }

  /** Every fault code that the catalogue or the server knows. */
  codes(): string[] {
    const ids = Object.keys(this.#catalogue(this.#language) ?? {});
    const own = ids.map((id) => /^fault\.(\w+)\.title$/.exec(id)?.[1]).filter((code) => code !== undefined);
    return [...new Set([...own, ...this.#codes.keys()])];
  }

  /** A figure as the language writes it. */
  figure(value: number, digits = 1): string {
    return numberFormat(this.locale, { maximumFractionDigits: digits }).format(value);
  }

  percent(share: number): string {
    return numberFormat(this.locale, { style: "percent", maximumFractionDigits: 1 }).format(
      Math.floor(share * 1000) / 1000, // never rounded up to a 100 % that is not one
    );
  }
}

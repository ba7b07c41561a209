/** The words of the crew's page: its own messages beside those that every page says, one language at a time. */

import { pluralRules } from "../city/formats";
import { Words } from "../words/words";
import type { Catalogue } from "../words/catalogues";
import type english from "../words/catalogues/crew/en.json";

export type CrewMessage = keyof typeof english;
export type CountedMessage = CrewMessage extends infer Id ? (Id extends `${infer Stem}.other` ? Stem : never) : never;

const FILES = import.meta.glob<Catalogue>("../words/catalogues/crew/*.json", { import: "default" });
const LOADERS = new Map(
  Object.entries(FILES).map(([path, load]) => [/([^/]+)\.json$/.exec(path)?.[1] ?? path, load] as const),
);
const STORED = "terang-language";

/** The language that the address, an earlier choice or the browser asks for, of those that there are. */
function wishedLanguage(): string {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(STORED);
  } catch {
    // a browser that forbids storage
  }
  const wishes = [new URLSearchParams(location.search).get("lang"), stored, ...navigator.languages];
  const plain = wishes.map((wish) => wish?.split("-")[0]?.toLowerCase() ?? "");
  return plain.find((wish) => LOADERS.has(wish)) ?? "id";
}

export class CrewWords {
  readonly words: Words;
  readonly #catalogues: Map<string, Catalogue>;

  private constructor(catalogues: Map<string, Catalogue>) {
    this.#catalogues = catalogues;
    this.words = new Words(catalogues);
  }

  /** With the one language that is wished for; a phone's first list waits for no other. */
  static async open(): Promise<CrewWords> {
    const language = wishedLanguage();
    const load = LOADERS.get(language);
    return new CrewWords(new Map(load ? [[language, await load()]] : []));
  }

  /** Load the other languages as well. */
  async loadOthers(): Promise<void> {
    for (const [language, load] of LOADERS)
      if (!this.#catalogues.has(language)) this.#catalogues.set(language, await load());
  }

  say(id: CrewMessage, filling: Record<string, string | number> = {}): string {
    return this.words.find(id, filling) ?? id;
  }

  /** A message in the form that `n` takes in this language; `{n}` is the figure. */
  count(id: CountedMessage, n: number): string {
    const form = pluralRules(this.words.locale).select(n);
    const filling = { n: this.words.figure(n, 0) };
    return this.words.find(`${id}.${form}`, filling) ?? this.words.find(`${id}.other`, filling) ?? id;
  }

  /** A message whose id is put together from a code, e.g. a state; the code itself where there is none. */
  coded(family: string, code: string): string {
    return this.words.find(`${family}.${code}`) ?? code;
  }
}

/** The catalogues of words, one chunk per language, compiled by the build from the project's `languages` folder. */

import type english from "./catalogues/en.json";

/** The id of a message, such as `page.lamp` or `fault.lampFailure.title`. */
export type MessageId = keyof typeof english;
/** The id of a message of the page itself, without its `page.`. */
export type Word = MessageId extends infer Id ? (Id extends `page.${infer Name}` ? Name : never) : never;
/** Words that are counted: `n_faults` stands for `n_faults.one` and `n_faults.other`. */
export type CountedWord = Word extends infer Name ? (Name extends `${infer Stem}.other` ? Stem : never) : never;

export type Catalogue = Readonly<Record<string, string>>;

const FILES = import.meta.glob<Catalogue>("./catalogues/*.json", { import: "default" });

/** How each language's catalogue is loaded, by the language's code. */
export const LOADERS: ReadonlyMap<string, () => Promise<Catalogue>> = new Map(
  Object.entries(FILES).map(([path, load]) => [/([^/]+)\.json$/.exec(path)?.[1] ?? path, load]),
);

/** The words of the wall: `?lang=`, else the city's own language. Nobody stands there to choose. */

import type { MessageId } from "../words/catalogues";
import type { Words } from "../words/words";

/** The id of a message of the wall, without its `wall.`. */
export type WallWord = MessageId extends infer Id ? (Id extends `wall.${infer Name}` ? Name : never) : never;

export function say(words: Words, word: WallWord, filling: Record<string, string | number> = {}): string {
  return words.find(`wall.${word}`, filling) ?? word;
}

const KINDS = [
  "opened",
  "reopened",
  "closed",
  "verified",
  "reopen",
  "repair",
  "cannot_repair",
  "start",
  "assign",
] as const;

/** What an event is called; one of a newer server as it is. */
export function happening(words: Words, kind: string): string {
  const known = KINDS.find((each) => each === kind);
  return known ? say(words, `did_${known}`) : kind;
}

/** Whether the address names the language. */
export function isLanguageAsked(address: URL): boolean {
  return address.searchParams.has("lang");
}

/** The city's own words in the language that is shown: once, and from the phone where there is no network. */

import type { OwnWords } from "../city/types";
import type { Words } from "../words/words";
import type { KeptAnswers } from "./kept_answers";
import { get, NoAnswer } from "./server";

export async function askOwnWords(language: string, words: Words, keptAnswers: KeptAnswers): Promise<void> {
  const key = `words/${language}`;
  let told = (await keptAnswers.get(key))?.value as OwnWords | undefined;
  try {
    told = (await get(`/words/${encodeURIComponent(language)}`)) as OwnWords;
    await keptAnswers.put(key, told, Date.now());
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
  }
  if (told) words.setOwn(language, told.messages);
}

/** The words of the city's page: those of one language first, those of its details and of other languages when needed. */

import { LOADERS, type Catalogue } from "./catalogues";
import { Words } from "./words";

const RETRY_MS = 2_000;

/**
 * The words in the language that the reader wishes, as soon as the first view can be told in it.
 *
 * `first` are that view's messages in `language`, where the document carries them.
 */
export async function openWords(language: string, first: Catalogue | null): Promise<Words> {
  const catalogues = new Map<string, Catalogue>(first ? [[language, first]] : []);
  const words = new Words(catalogues, LOADERS);
  if (!words.isReady) await words.complete();
  while (!words.isReady) {
    await new Promise((resolve) => window.setTimeout(resolve, RETRY_MS));
    await words.complete();
  }
  return words;
}

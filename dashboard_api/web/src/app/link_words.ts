/** What the bar says of the connection: whether the server is reached, else since when not and of when the data are. */

import type { LinkWords } from "../panel/frame";
import type { Page } from "../panel/page";
import type { Link } from "./link";

/** `dataAtMs`: when the shown data were told, by this device's clock. */
export function linkWords({ words, clock }: Page, link: Link, dataAtMs: number | null): LinkWords {
  const { lostSinceMs } = link;
  if (lostSinceMs === null) return { text: words.say(link.heardAtMs === null ? "connecting" : "live"), isLost: false };
  const toCity = clock.nowMs() - Date.now();
  const time = (ms: number) => clock.time(ms + toCity, words.locale);
  const parts = [words.say("lost", { t: time(lostSinceMs) })];
  if (dataAtMs !== null) parts.push(words.say("data_of", { t: time(dataAtMs) }));
  return { text: parts.join(" · "), isLost: true };
}

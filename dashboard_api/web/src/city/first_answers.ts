/** What the document already carries, so that the first view waits for no second round trip: answers, and their words. */

import type { Catalogue } from "../words/catalogues";
import type { City } from "./types";

interface FirstDocument {
  language: string;
  words: Catalogue | null;
  /** The city's now when the document was made. */
  now: string;
  /** By how much it was ahead of the wall clock, for a document that comes from the browser's cache. */
  ahead_s: number;
  answers: Record<string, unknown>;
}

/** Milliseconds since the document's answer began; null where the browser had kept the document. */
function sinceArrival(): number | null {
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (!entry || entry.encodedBodySize === 0 || entry.transferSize < entry.encodedBodySize) return null;
  return performance.now() - entry.responseStart;
}

export class FirstAnswers {
  readonly #answers: Map<string, unknown>;
  readonly #nowMs: number;
  readonly language: string;
  /** Messages of the first view in `language`; none where the document is the plain one. */
  readonly words: Catalogue | null;

  private constructor(document: Partial<FirstDocument>) {
    this.#answers = new Map(Object.entries(document.answers ?? {}));
    const nowMs = Date.parse(document.now ?? "");
    const sinceMs = sinceArrival();
    const isUsable = sinceMs !== null && !Number.isNaN(nowMs);
    this.#nowMs = isUsable ? nowMs + sinceMs : Date.now() + (document.ahead_s ?? 0) * 1000;
    this.language = document.language ?? "";
    this.words = document.words ?? null;
  }

  /** Read the document's answers, and take them out of it. */
  static of(page: Document): FirstAnswers {
    const holder = page.querySelector<HTMLTemplateElement>("#first-answers");
    holder?.remove();
    try {
      return new FirstAnswers(JSON.parse(holder?.content.textContent ?? "{}") as Partial<FirstDocument>);
    } catch {
      return new FirstAnswers({}); // half a document: the answers are asked for
    }
  }

  /** The answer of `path`, once: after that it is old. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names what the path answers
  take<T>(path: string): T | null {
    const answer = this.#answers.get(path) ?? null;
    this.#answers.delete(path);
    return answer as T | null;
  }

  /** The city, with its now: the server's where the document is new, else by this device's clock. */
  takeCity(): City | null {
    const city = this.take<City>("/city");
    return city && { ...city, now: new Date(this.#nowMs).toISOString() };
  }
}

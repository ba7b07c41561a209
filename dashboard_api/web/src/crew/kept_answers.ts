/** The last answers of the server on this phone, each with the time it is from; what is older than two weeks goes. */

import type { CrewDatabase, KeptAnswer } from "./database";

const KEPT_MS = 14 * 86_400_000;
/** Lists that everything starts from: shown with their age for as long as there is nothing newer. */
const ALWAYS = new Set(["faults", "city", "me", "repairs", "still-dark", "checks"]);
const WORDS = "words/"; // the city's own
const PARTS = "part/"; // of lists
const PART = 50; // items: what a phone copies within a frame

/** Where the parts of a list are: two series take turns, so that a list is whole while the next one is written. */
interface ListHead {
  series: "a" | "b";
  nParts: number;
  /** When the parts were written, where the list was told again since and was the same. */
  partsAtMs?: number;
}

function partKey(key: string, series: string, n: number): string {
  return `${PARTS}${key}/${series}/${n}`;
}

function isSame(items: readonly unknown[], others: readonly unknown[] = []): boolean {
  return items.length === others.length && items.every((item, nth) => item === others[nth]);
}

/** A storage that the system cleared under the open page answers nothing any more. */
function nothing(): undefined {
  return undefined;
}

function nextTask(): Promise<void> {
  return new Promise((done) => setTimeout(done));
}

export class KeptAnswers {
  readonly #database: CrewDatabase | null;
  readonly #held = new Map<string, KeptAnswer>();
  /** Lists as this page wrote them last. */
  readonly #written = new Map<string, { items: readonly unknown[]; atMs: number }>();

  /** Without a database (the browser forbids storage) answers last as long as the page. */
  constructor(database: CrewDatabase | null) {
    this.#database = database;
  }

  async put(key: string, value: unknown, atMs: number): Promise<void> {
    const answer = { key, value, atMs };
    if (!this.#database) {
      this.#held.set(key, answer);
      return;
    }
    try {
      await this.#database.put("kept", answer);
    } catch {
      this.#held.set(key, answer); // a full disk: it is shown all the same
    }
  }

  async get(key: string): Promise<KeptAnswer | null> {
    return this.#held.get(key) ?? (await this.#database?.get("kept", key).catch(nothing)) ?? null;
  }

  /**
   * Keep a list in parts, each written by a task of its own: a thousand faults at once would hold up the page. `head` is
   * what `get(key)` answers, with the list's parts named in it; it is written last, so that a list is the old or the new.
   * Of a list with the same objects as the one before only the time is written.
   */
  async putList(key: string, items: readonly unknown[], head: object, atMs: number): Promise<void> {
    if (!this.#database) {
      this.#held.set(key, { key, value: { ...head, items }, atMs });
      return;
    }
    try {
      const kept = await this.#database.get("kept", key);
      const before = kept?.value as Partial<ListHead> | undefined;
      const last = this.#written.get(key);
      this.#written.set(key, { items, atMs });
      // unless another window has written since
      if (before?.series && last?.atMs === kept?.atMs && isSame(items, last?.items)) {
        const { series, nParts, partsAtMs = kept?.atMs } = before;
        await this.#database.put("kept", { key, value: { ...head, series, nParts, partsAtMs }, atMs });
        return;
      }
      const series = before?.series === "a" ? "b" : "a";
      const nParts = Math.ceil(items.length / PART);
      for (let n = 0; n < nParts; n += 1) {
        const value = items.slice(n * PART, (n + 1) * PART);
        await this.#database.put("kept", { key: partKey(key, series, n), value, atMs });
        await nextTask();
      }
      await this.#database.put("kept", { key, value: { ...head, series, nParts }, atMs });
      this.#held.delete(key);
      for (let n = 0; n < (before?.nParts ?? 0); n += 1)
        await this.#database.delete("kept", partKey(key, before?.series ?? "a", n));
    } catch {
      this.#written.delete(key);
      this.#held.set(key, { key, value: { ...head, items }, atMs });
    }
  }

  /** A list that was kept in parts, or whole by an older version; without parts that are gone, and then not complete. */
  async getList(key: string): Promise<KeptAnswer | null> {
    const kept = await this.get(key);
    const { series, nParts, partsAtMs = kept?.atMs, ...head } = (kept?.value ?? {}) as Partial<ListHead>;
    if (!kept || series === undefined || nParts === undefined) return kept;
    const items: unknown[] = [];
    let { atMs } = kept;
    for (let n = 0; n < nParts; n += 1) {
      const part = await this.#database?.get("kept", partKey(key, series, n)).catch(nothing);
      if (part?.atMs !== partsAtMs) {
        Object.assign(head, { isComplete: false }); // another window wrote at the same time
        atMs = Math.min(atMs, part?.atMs ?? atMs);
      }
      items.push(...((part?.value as unknown[] | undefined) ?? []));
    }
    return { key, value: { ...head, items }, atMs };
  }

  async forget(): Promise<void> {
    this.#held.clear();
    this.#written.clear();
    await this.#database?.clear("kept").catch(nothing);
  }

  /** Delete what is too old; `wanted` = keys that are still asked for. */
  async prune(nowMs: number, wanted: ReadonlySet<string>): Promise<void> {
    if (this.#database) await this.#prune(this.#database, nowMs, wanted).catch(nothing);
  }

  async #prune(database: CrewDatabase, nowMs: number, wanted: ReadonlySet<string>): Promise<void> {
    const transaction = database.transaction("kept", "readwrite");
    for (let cursor = await transaction.store.openCursor(); cursor; cursor = await cursor.continue()) {
      const { key } = cursor; // the value is copied when it is asked for
      const stays = ALWAYS.has(key) || key.startsWith(WORDS) || key.startsWith(PARTS) || wanted.has(key);
      if (!stays && nowMs - cursor.value.atMs > KEPT_MS) await cursor.delete();
    }
    await transaction.done;
  }
}

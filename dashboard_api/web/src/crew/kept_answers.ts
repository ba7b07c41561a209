/** The last answers of the server on this phone, each with the time it is from; what is older than two weeks goes. */

import type { CrewDatabase, KeptAnswer } from "./database";

const KEPT_MS = 14 * 86_400_000;
/** Lists that everything starts from: shown with their age for as long as there is nothing newer. */
const ALWAYS = new Set(["faults", "city", "me", "repairs", "still-dark", "checks"]);
const WORDS = "words/"; // the city's own

export class KeptAnswers {
  readonly #database: CrewDatabase | null;
  readonly #held = new Map<string, KeptAnswer>();

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
    return this.#held.get(key) ?? (await this.#database?.get("kept", key)) ?? null;
  }

  async forget(): Promise<void> {
    this.#held.clear();
    await this.#database?.clear("kept");
  }

  /** Delete what is too old; `wanted` = keys that are still asked for. */
  async prune(nowMs: number, wanted: ReadonlySet<string>): Promise<void> {
    if (!this.#database) return;
    const transaction = this.#database.transaction("kept", "readwrite");
    for (let cursor = await transaction.store.openCursor(); cursor; cursor = await cursor.continue()) {
      const { key, atMs } = cursor.value;
      if (!ALWAYS.has(key) && !key.startsWith(WORDS) && !wanted.has(key) && nowMs - atMs > KEPT_MS)
        await cursor.delete();
    }
    await transaction.done;
  }
}

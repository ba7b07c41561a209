/**
 * Notices that the system has cleared this site's storage. The database carries a mark, and so do a cookie and the
 * local storage, which are cleared by other rules; a mark outside without one inside means that the database is gone.
 */

import { ulid } from "ulid";
import type { CrewDatabase } from "./database";
import type { OutboxRow } from "./outbox_row";

const NAME = "terang-crew-mark";
const YEAR_S = 365 * 86_400;

interface Mark {
  id: string;
  /** Reports that waited to be sent when the page last looked. */
  nWaiting: number;
}

function parsed(text: string | null | undefined): Mark | null {
  const [, id, nWaiting] = /^([0-9A-Z]{26})\.(\d{1,6})$/.exec(text ?? "") ?? [];
  return id ? { id, nWaiting: Number(nWaiting) } : null;
}

function outside(): Mark | null {
  let local: string | null = null;
  try {
    local = localStorage.getItem(NAME);
  } catch {
    // a browser that forbids storage
  }
  const cookie = new RegExp(`(?:^|; )${NAME}=([^;]*)`).exec(document.cookie)?.[1];
  return parsed(local) ?? parsed(cookie);
}

function writeOutside(mark: Mark): void {
  const text = `${mark.id}.${mark.nWaiting}`;
  document.cookie = `${NAME}=${text}; path=/crew; max-age=${YEAR_S}; samesite=strict`;
  try {
    localStorage.setItem(NAME, text);
  } catch {
    // the cookie has to do
  }
}

export class StorageMark {
  readonly #id: string;
  #nWaiting = -1; // as this page has noted it

  private constructor(id: string) {
    this.#id = id;
  }

  /** Compare the marks, and make new ones; `nLost` = reports that waited in a database that is gone, null = none is. */
  static async open(database: CrewDatabase): Promise<{ mark: StorageMark; nLost: number | null }> {
    const inside = await database.get("about", "mark");
    const before = outside();
    const isCleared = before !== null && inside !== before.id;
    const id = typeof inside === "string" ? inside : ulid();
    const mark = new StorageMark(id);
    if (inside !== id) await database.put("about", id, "mark");
    if (isCleared) writeOutside({ id, nWaiting: 0 });
    return { mark, nLost: isCleared ? before.nWaiting : null };
  }

  /** Note outside how many of the outbox's reports wait. */
  count(rows: readonly OutboxRow[]): void {
    const nWaiting = rows.filter(({ state }) => state !== "sent").length;
    if (nWaiting === this.#nWaiting) return;
    this.#nWaiting = nWaiting;
    writeOutside({ id: this.#id, nWaiting });
  }
}

/** Ask the browser not to clear this site's storage when space is short; false = it may. */
export async function persist(): Promise<boolean> {
  const { storage } = navigator as { storage?: StorageManager };
  try {
    return (await storage?.persisted()) === true || (await storage?.persist()) === true;
  } catch {
    return false;
  }
}

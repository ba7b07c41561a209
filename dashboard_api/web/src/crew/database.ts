/** What the crew's page keeps on the phone, in IndexedDB: the outbox with its photos, drafts, and the last answers. */

import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { OutboxRow } from "./outbox_row";

const NAME = "terang-crew";
const VERSION = 1;

/** What a person has chosen and typed on a fault and not saved yet. */
export interface Draft {
  faultId: string;
  note: string;
  cause: string;
  part: string;
  why: string;
  until: string;
}

/** An answer of the server as it was told at `atMs` of this phone's clock. */
export interface KeptAnswer {
  key: string;
  value: unknown;
  atMs: number;
}

export interface CrewSchema extends DBSchema {
  outbox: { key: string; value: OutboxRow };
  /** Bytes, not blobs: some browsers lose blobs of IndexedDB when their process ends. */
  photos: { key: string; value: { id: string; bytes: Uint8Array<ArrayBuffer> } };
  drafts: { key: string; value: Draft };
  kept: { key: string; value: KeptAnswer };
  about: { key: string; value: unknown };
}
export type CrewDatabase = IDBPDatabase<CrewSchema>;

/** Durable when the transaction ends, not only handed to the operating system. */
export const STRICT = { durability: "strict" } as const;

/** Open the database, made where there is none. Rejects where the browser forbids storage. */
// async: where the browser refuses even to be asked, that is a rejection as well
export async function openCrewDatabase(name = NAME): Promise<CrewDatabase> {
  return openDB<CrewSchema>(name, VERSION, {
    upgrade(database) {
      database.createObjectStore("outbox", { keyPath: "id" });
      database.createObjectStore("photos", { keyPath: "id" });
      database.createObjectStore("drafts", { keyPath: "faultId" });
      database.createObjectStore("kept", { keyPath: "key" });
      database.createObjectStore("about");
    },
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close(); // a newer version of the page waits for it
    },
  });
}

/** Wait for what a transaction writes, and for its end. Rejects if any of it fails, and then nothing of it is kept. */
export async function written(
  transaction: { done: Promise<void>; abort: () => void },
  writes: readonly (() => Promise<unknown>)[],
): Promise<void> {
  transaction.done.catch(() => undefined); // awaited below, where the writing itself does not fail before
  try {
    const begun = writes.map((write) => {
      const request = write();
      request.catch(() => undefined); // told by the transaction's end, or by the write that threw
      return request;
    });
    await Promise.all([...begun, transaction.done]);
  } catch (error) {
    try {
      transaction.abort();
    } catch {
      // it has ended already
    }
    throw error;
  }
}

const OPEN_MS = 10_000;

/** As `open`; null where the browser forbids storage, or says nothing for ten seconds: the page goes on without. */
export async function openInTime(open = openCrewDatabase, withinMs = OPEN_MS): Promise<CrewDatabase | null> {
  const opening = open().catch(() => null);
  const tooLate = new Promise<null>((resolve) => {
    setTimeout(() => {
      resolve(null);
    }, withinMs);
  });
  const database = await Promise.race([opening, tooLate]);
  if (database === null) void opening.then((late) => late?.close());
  return database;
}

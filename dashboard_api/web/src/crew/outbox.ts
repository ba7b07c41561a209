/**
 * Keeps what a crew did: each report is on the phone's disk before it is shown as kept, leaves it only by the server's
 * own confirmation, and goes out again with the same id until there is one. Knows neither fetch nor elements.
 */

import { monotonicFactory } from "ulid";
import type { CheckOutcome, Fault } from "../city/types";
import { STRICT, written, type CrewDatabase } from "./database";
import { rowsOf, sendWaiting } from "./outbox_round";
import { isAction, takenNow, versionAfter, type ActionBody, type DeviceClock, type OutboxRow } from "./outbox_row";
import type { Report, Transport } from "./transport";

export type { Outcome, Report, Transport } from "./transport";

/** What the browser wakes the service worker with when the network is back. */
export const SYNC_TAG = "terang-crew-outbox";
export const MOST_ROWS = 2_000; // waiting; weeks of a crew's work
export const MOST_PHOTO_BYTES = 200 * 1024 * 1024;

/** The rows to write, and whether the row that it is about goes. */
export interface Change {
  puts: readonly OutboxRow[];
  isGone: boolean;
}

/** The outbox holds as much as it may; nothing was taken. */
export class OutboxFull extends Error {
  override readonly name = "OutboxFull";
}

export class Outbox {
  readonly #database: CrewDatabase;
  readonly #transport: Transport;
  readonly #clock: DeviceClock;
  readonly #changed: (fault: Fault | null) => void;
  readonly #nextId = monotonicFactory();
  #sending: Promise<boolean> | null = null;
  #isAsked = false;

  /** `changed` is called after every change of a row, with the fault as the server then had it, where it said so. */
  constructor(
    database: CrewDatabase,
    transport: Transport,
    clock: DeviceClock,
    changed: (fault: Fault | null) => void = () => undefined,
  ) {
    this.#database = database;
    this.#transport = transport;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Every row, oldest first. */
  async rows(): Promise<OutboxRow[]> {
    return rowsOf(this.#database);
  }

  #row(report: Report, n: number): OutboxRow {
    const { fault } = report;
    const about = { code: fault.code, place: report.place, version: fault.version };
    return { ...this.#blank(n, report.by), faultId: fault.id, seenVersion: fault.version, about };
  }

  #blank(n: number, by: string): OutboxRow {
    return {
      id: this.#nextId(),
      kind: "photo",
      faultId: "",
      n,
      body: null,
      seenVersion: 0,
      after: null,
      by,
      taken: takenNow(this.#clock),
      state: "waiting",
      waiting: "",
      nTries: 0,
      reason: "",
      now: null,
      version: null,
      nBytes: 0,
      sentAtMs: null,
      about: { code: "", place: "", version: 0 },
    };
  }

  /**
   * Keep one or several actions on a fault, in their order, all or none; on disk when this resolves.
   * Rejects with OutboxFull, or with the storage's own error: then nothing was taken.
   */
  async add(report: Report, ...bodies: readonly ActionBody[]): Promise<OutboxRow[]> {
    const transaction = this.#database.transaction(["outbox", "drafts"], "readwrite", STRICT);
    const rows = await transaction.objectStore("outbox").getAll();
    this.#refuseTooMany(rows);
    let n = Math.max(0, ...rows.map((row) => row.n));
    const isOwn = (row: OutboxRow) => row.faultId === report.fault.id && row.by === report.by && isAction(row);
    const own = rows.filter((row) => isOwn(row) && row.state !== "refused").sort((a, b) => a.n - b.n);
    let before = own.findLast(({ state }) => state !== "sent")?.id ?? null;
    // what another window or the service worker has sent may be newer than the list that the person sees
    const seenVersion = Math.max(report.fault.version, ...own.map((row) => versionAfter(row) ?? 0));
    const added: OutboxRow[] = [];
    for (const body of bodies) {
      n += 1;
      const row: OutboxRow = { ...this.#row(report, n), kind: "action", body, seenVersion, after: before };
      before = row.id;
      added.push(row);
    }
    const { draft } = report;
    const keep = draft && ((): Promise<unknown> => transaction.objectStore("drafts").put(draft));
    const forget = (): Promise<unknown> => transaction.objectStore("drafts").delete(report.fault.id);
    const drafts = draft === undefined ? [] : [keep ?? forget];
    await written(transaction, [...added.map((row) => () => transaction.objectStore("outbox").put(row)), ...drafts]);
    this.#changed(null);
    return added;
  }

  /** Keep a photo; as `add`. */
  async addPhoto(report: Report, bytes: Uint8Array<ArrayBuffer>): Promise<OutboxRow> {
    const transaction = this.#database.transaction(["outbox", "photos"], "readwrite", STRICT);
    const rows = await transaction.objectStore("outbox").getAll();
    this.#refuseTooMany(rows);
    const held = rows.filter(({ state }) => state !== "sent");
    if (held.reduce((sum, { nBytes }) => sum + nBytes, bytes.byteLength) > MOST_PHOTO_BYTES) throw new OutboxFull();
    const n = Math.max(0, ...rows.map((row) => row.n)) + 1;
    const row = { ...this.#row(report, n), nBytes: bytes.byteLength };
    const keep = () => transaction.objectStore("photos").put({ id: row.id, bytes });
    await written(transaction, [() => transaction.objectStore("outbox").put(row), keep]);
    this.#changed(null);
    return row;
  }

  /** Keep what a check of a citizen's report found; as `add`. A second answer to one that still waits replaces it. */
  async addCheck(number: string, outcome: CheckOutcome, by: string, place: string): Promise<OutboxRow> {
    const transaction = this.#database.transaction("outbox", "readwrite", STRICT);
    const rows = await transaction.store.getAll();
    this.#refuseTooMany(rows);
    const n = Math.max(0, ...rows.map((row) => row.n)) + 1;
    const row: OutboxRow = {
      ...this.#blank(n, by),
      kind: "check",
      faultId: `check ${number}`,
      check: { number, outcome },
      about: { code: "", place, version: 0 },
    };
    // one that may have gone out already stays: the server's own word decides between the two
    const replaced = rows.filter((old) => old.check?.number === number && old.state !== "sent" && old.nTries === 0);
    await written(transaction, [
      ...replaced.map(
        ({ id }) =>
          () =>
            transaction.store.delete(id),
      ),
      () => transaction.store.put(row),
    ]);
    this.#changed(null);
    return row;
  }

  #refuseTooMany(rows: readonly OutboxRow[]): void {
    if (rows.filter(({ state }) => state !== "sent").length >= MOST_ROWS) throw new OutboxFull();
  }

  /** Send what waits, what is added meanwhile as well; true if everything that can go is gone. */
  async send(): Promise<boolean> {
    this.#isAsked = true;
    this.#sending ??= this.#alone(() => this.#rounds()).finally(() => {
      this.#sending = null;
    });
    const isAllGone = await this.#sending;
    return this.#isOutdated() ? this.send() : isAllGone; // asked for after the last round had looked
  }

  /** Whether somebody has asked since the round began. */
  #isOutdated(): boolean {
    return this.#isAsked;
  }

  async #rounds(): Promise<boolean> {
    const [database, transport, clock, changed] = [this.#database, this.#transport, this.#clock, this.#changed];
    let isAllGone = false;
    while (this.#isAsked) {
      this.#isAsked = false;
      isAllGone = await sendWaiting({ database, transport, clock, changed, isOutdated: () => this.#isOutdated() });
    }
    return isAllGone;
  }

  /** One sender at a time, over all windows and the service worker. */
  async #alone(work: () => Promise<boolean>): Promise<boolean> {
    const { navigator } = globalThis as { navigator?: { locks?: LockManager } };
    const locks = navigator?.locks;
    if (!locks) return work();
    return locks.request("terang-crew-outbox", { ifAvailable: true }, (lock) => {
      if (lock) return work();
      this.#isAsked = false; // another sends; this one is to ask again
      return false;
    });
  }

  /** Carry out what is to be written about a row, all or nothing; on disk when this resolves. */
  async change(
    id: string,
    decided: (row: OutboxRow, rows: readonly OutboxRow[], newId: () => string) => Change,
  ): Promise<void> {
    const transaction = this.#database.transaction(["outbox", "photos"], "readwrite", STRICT);
    const store = transaction.objectStore("outbox");
    const rows = await store.getAll();
    const row = rows.find((each) => each.id === id);
    const { puts, isGone } = row ? decided(row, rows, this.#nextId) : { puts: [], isGone: false };
    const writes = puts.map((each) => (): Promise<unknown> => store.put(each));
    if (isGone) writes.push(() => store.delete(id));
    if (isGone) writes.push(() => transaction.objectStore("photos").delete(id));
    await written(transaction, writes);
    this.#changed(null);
  }
}

/**
 * Sends what a crew did: each report is on the phone's disk before it is shown as kept, leaves it only by the server's
 * own confirmation, and goes out again with the same id until there is one. Knows neither fetch nor elements.
 */

import { monotonicFactory } from "ulid";
import type { CheckOutcome, Fault } from "../city/types";
import { STRICT, written, type CrewDatabase } from "./database";
import type { Decision, Outcome, Report, Transport } from "./transport";
import { changesState, requestOf, takenNow, type ActionBody, type DeviceClock, type OutboxRow } from "./outbox_row";

export type { Decision, Outcome, Report, Transport } from "./transport";

/** What the browser wakes the service worker with when the network is back. */
export const SYNC_TAG = "terang-crew-outbox";
export const MOST_ROWS = 2_000; // waiting; weeks of a crew's work
export const MOST_PHOTO_BYTES = 200 * 1024 * 1024;
const SENT_KEPT_MS = 14 * 86_400_000;

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
    return (await this.#database.getAll("outbox")).sort((a, b) => a.n - b.n);
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
    const own = rows.filter((row) => row.faultId === report.fault.id && changesState(row) && row.state !== "refused");
    let before = own.sort((a, b) => a.n - b.n).findLast(({ state }) => state !== "sent")?.id ?? null;
    // what another window or the service worker has sent may be newer than the list that the person sees
    const seenVersion = Math.max(report.fault.version, ...own.map(({ version }) => version ?? 0));
    const added: OutboxRow[] = [];
    for (const body of bodies) {
      n += 1;
      const row: OutboxRow = { ...this.#row(report, n), kind: "action", body, seenVersion };
      if (changesState(row)) {
        row.after = before;
        before = row.id;
      }
      added.push(row);
    }
    const puts = added.map((row) => () => transaction.objectStore("outbox").put(row));
    await written(transaction, [...puts, () => transaction.objectStore("drafts").delete(report.fault.id)]);
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

  /**
   * Send what waits, once each; true if everything that can go is gone. `me` is who is signed in, null = the city has
   * no accounts or nobody could be asked.
   */
  async send(me: string | null): Promise<boolean> {
    this.#sending ??= this.#alone(() => this.#round(me)).finally(() => {
      this.#sending = null;
    });
    return this.#sending;
  }

  /** One sender at a time, over all windows and the service worker. */
  async #alone(work: () => Promise<boolean>): Promise<boolean> {
    const { navigator } = globalThis as { navigator?: { locks?: LockManager } };
    const locks = navigator?.locks;
    if (!locks) return work();
    return locks.request("terang-crew-outbox", { ifAvailable: true }, (lock) => (lock ? work() : false));
  }

  async #round(me: string | null): Promise<boolean> {
    const waiting = (await this.rows()).filter(({ state }) => state === "waiting");
    // a large photo on a slow line must not hold up the reports
    const order = [
      ...waiting.filter(({ kind }) => kind !== "photo"),
      ...waiting.filter(({ kind }) => kind === "photo"),
    ];
    const held = new Set((await this.rows()).filter(({ state }) => state === "conflict").map(({ faultId }) => faultId));
    let isAllGone = true;
    for (const row of order) {
      if (changesState(row) && held.has(row.faultId)) {
        await this.#wait(row, "behind");
        isAllGone = false;
        continue;
      }
      if (me !== null && row.by !== "" && row.by !== me) {
        await this.#wait(row, "other_person");
        if (changesState(row)) held.add(row.faultId);
        continue;
      }
      const outcome = await this.#attempt(row);
      if (outcome === null) continue;
      if (outcome.kind === "later") isAllGone = false;
      if (outcome.kind === "later" && outcome.why !== "server") break; // the others would fare no better
      if (outcome.kind === "conflict" || outcome.kind === "later") held.add(row.faultId);
    }
    await this.#prune();
    return isAllGone;
  }

  /** One attempt; null where the row is gone. */
  async #attempt(row: OutboxRow): Promise<Outcome | null> {
    const ready = await this.#freeze(row);
    if (!ready) return null;
    let outcome: Outcome;
    if (ready.check) outcome = await this.#transport.check(ready.check.number, ready.check.outcome);
    else if (ready.kind === "action") outcome = await this.#transport.act(ready.faultId, requestOf(ready, this.#clock));
    else {
      const photo = await this.#database.get("photos", ready.id);
      outcome = photo
        ? await this.#transport.photo(ready.faultId, ready.id, photo.bytes)
        : { kind: "refused", reason: "the phone has lost the photo" };
    }
    // on a full disk it is sent again, which changes nothing, and the others need not wait for that
    return this.#settle(ready, outcome).catch((): Outcome => ({ kind: "later", why: "server" }));
  }

  /** The row with its `if_version` decided, on disk before it goes out. */
  async #freeze(row: OutboxRow): Promise<OutboxRow | null> {
    const transaction = this.#database.transaction("outbox", "readwrite", STRICT);
    const now = await transaction.store.get(row.id);
    if (now?.state !== "waiting") return null;
    if (now.ifVersion === undefined) {
      const before = now.after === null ? undefined : await transaction.store.get(now.after);
      now.ifVersion = changesState(now) ? (before?.version ?? now.seenVersion) : null;
    }
    now.nTries += 1;
    // on a full disk it goes out all the same: what was sent before decides the version, so a repeat is the same request
    await written(transaction, [() => transaction.store.put(now)]).catch(() => undefined);
    return now;
  }

  async #settle(row: OutboxRow, outcome: Outcome): Promise<Outcome> {
    const transaction = this.#database.transaction(["outbox", "photos"], "readwrite", STRICT);
    const after: OutboxRow = { ...row, waiting: "" };
    if (outcome.kind === "done") {
      Object.assign(after, { state: "sent", sentAtMs: this.#clock.wallMs(), version: outcome.fault?.version ?? null });
      after.reason = "";
    } else if (outcome.kind === "later") after.waiting = outcome.why;
    else {
      after.state = outcome.kind;
      after.reason = outcome.reason;
      if (outcome.kind === "conflict") after.now = outcome.fault;
    }
    const photos = after.state === "sent" ? [() => transaction.objectStore("photos").delete(row.id)] : [];
    await written(transaction, [...photos, () => transaction.objectStore("outbox").put(after)]);
    this.#changed("fault" in outcome ? outcome.fault : null);
    return outcome;
  }

  /** Say why a row is not sent in this round. */
  async #wait(row: OutboxRow, waiting: OutboxRow["waiting"]): Promise<void> {
    if (row.waiting === waiting) return;
    const transaction = this.#database.transaction("outbox", "readwrite");
    const now = await transaction.store.get(row.id);
    if (now?.state === "waiting") void transaction.store.put({ ...now, waiting });
    await transaction.done;
    this.#changed(null);
  }

  /**
   * Carry out a person's decision about a row that the server did not take: try it again on the fault as it is now,
   * keep its words as a comment, or discard it. The server took nothing of it, so a new id doubles nothing.
   */
  async decide(id: string, decision: Decision, words: string): Promise<void> {
    const transaction = this.#database.transaction(["outbox", "photos"], "readwrite", STRICT);
    const store = transaction.objectStore("outbox");
    const row = await store.get(id);
    if (!row || row.state === "sent" || row.state === "waiting") return;
    if (decision === "discard") {
      void store.delete(id);
      void transaction.objectStore("photos").delete(id);
    } else if (row.kind !== "action") {
      void store.put({ ...row, state: "waiting", reason: "" });
    } else {
      const body: ActionBody =
        decision === "again" && row.body ? row.body : { action: "comment", note: words, at: row.body?.at ?? null };
      const again: OutboxRow = { ...row, id: this.#nextId(), body, state: "waiting", reason: "", after: null };
      again.seenVersion = row.now?.version ?? row.seenVersion;
      again.now = null;
      delete again.ifVersion; // another request
      void store.delete(id);
      void store.put(again);
      for (const other of await store.getAll())
        if (other.after === id) void store.put({ ...other, after: changesState(again) ? again.id : null });
    }
    await transaction.done;
    this.#changed(null);
  }

  /** What was sent is shown for two weeks. */
  async #prune(): Promise<void> {
    const nowMs = this.#clock.wallMs();
    for (const row of await this.rows())
      if (row.sentAtMs !== null && nowMs - row.sentAtMs > SENT_KEPT_MS) await this.#database.delete("outbox", row.id);
  }
}

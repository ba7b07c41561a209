/**
 * One round over the outbox's rows: which of them go out, in which order, and what an answer makes of each. Knows neither
 * fetch nor who else sends.
 */

import type { Fault } from "../city/types";
import { STRICT, written, type CrewDatabase } from "./database";
import {
  changesState,
  isAction,
  requestOf,
  versionAfter,
  type DeviceClock,
  type OutboxRow,
  type Waiting,
} from "./outbox_row";
import type { Later, Outcome, Transport } from "./transport";

const SENT_KEPT_MS = 14 * 86_400_000;
/** The reason of a refusal that no server has told: the bytes of a photo are gone from the phone. */
export const PHOTO_LOST = "photo_lost";

export interface Sending {
  database: CrewDatabase;
  transport: Transport;
  clock: DeviceClock;
  /** Called after every change of a row, with the fault as the server then had it, where it said so. */
  changed: (fault: Fault | null) => void;
  /** Whether to begin anew, as there are rows that this round has not seen. */
  isOutdated: () => boolean;
}

export async function rowsOf(database: CrewDatabase): Promise<OutboxRow[]> {
  return (await database.getAll("outbox")).sort((a, b) => a.n - b.n);
}

/** Send what waits, once each; true if everything that can go is gone. */
export async function sendWaiting(sending: Sending): Promise<boolean> {
  const round = new Round(sending);
  return round.run();
}

class Round {
  readonly #is: Sending;
  /** Why further actions on a fault wait. */
  readonly #held = new Map<string, Waiting>();

  constructor(sending: Sending) {
    this.#is = sending;
  }

  async run(): Promise<boolean> {
    const rows = await rowsOf(this.#is.database);
    const waiting = rows.filter(({ state }) => state === "waiting");
    const me = await this.#who(waiting);
    if (me.kind === "later") {
      await this.#wait(waiting, me.why);
      return false;
    }
    for (const { state, faultId } of rows) if (state === "conflict") this.#held.set(faultId, "behind");
    // a large photo on a slow line must not hold up the reports
    const order = [
      ...waiting.filter(({ kind }) => kind !== "photo"),
      ...waiting.filter(({ kind }) => kind === "photo"),
    ];
    let isAllGone = true;
    for (const row of order) {
      if (this.#is.isOutdated()) return false;
      const why = this.#reasonToWait(row, me.name);
      if (why !== "") {
        await this.#wait([row], why);
        isAllGone &&= why === "other_person";
        continue;
      }
      const outcome = await this.#attempt(row);
      if (outcome?.kind === "conflict") this.#held.set(row.faultId, "behind");
      if (outcome?.kind !== "later") continue;
      isAllGone = false;
      if (outcome.why !== "server") break; // the others would fare no better
      if (isAction(row)) this.#held.set(row.faultId, outcome.why);
    }
    await this.#prune();
    return isAllGone;
  }

  /** Asked anew each time: a phone is handed on, and a report is sent under no other name than its own. */
  async #who(waiting: readonly OutboxRow[]): Promise<Later | { kind: "known"; name: string | null }> {
    if (waiting.every(({ by }) => by === "")) return { kind: "known", name: null };
    return this.#is.transport.who();
  }

  #reasonToWait(row: OutboxRow, me: string | null): Waiting {
    if (me !== null && row.by !== "" && row.by !== me) return "other_person";
    const why = isAction(row) ? this.#held.get(row.faultId) : undefined;
    // a comment stands beside whatever happened, but makes a version: it does not overtake what may go out next
    return why === undefined || (why === "behind" && !changesState(row)) ? "" : why;
  }

  /** One attempt; null where the row is gone. */
  async #attempt(row: OutboxRow): Promise<Outcome | null> {
    const { transport, database, clock } = this.#is;
    const ready = await this.#freeze(row).catch((): Later => ({ kind: "later", why: "server" }));
    if (ready === null || ready.kind === "later") return ready;
    let outcome: Outcome;
    if (ready.check) outcome = await transport.check(ready.check.number, ready.check.outcome);
    else if (ready.kind === "action") outcome = await transport.act(ready.faultId, requestOf(ready, clock));
    else {
      const photo = await database.get("photos", ready.id);
      outcome = photo
        ? await transport.photo(ready.faultId, ready.id, photo.bytes)
        : { kind: "refused", reason: PHOTO_LOST };
    }
    // on a full disk it is sent again, which changes nothing, and the others need not wait for that
    return this.#settle(ready, outcome).catch((): Outcome => ({ kind: "later", why: "server" }));
  }

  /**
   * The row with its `if_version` decided, on disk before it goes out; null where it does not wait any more. Rejects where
   * that cannot be written, and might be decided otherwise later: an id that comes again with another request is refused.
   */
  async #freeze(row: OutboxRow): Promise<OutboxRow | null> {
    const transaction = this.#is.database.transaction("outbox", "readwrite", STRICT);
    const now = await transaction.store.get(row.id);
    if (now?.state !== "waiting") return null;
    let isLasting = true;
    if (now.ifVersion === undefined) {
      const before = now.after === null ? undefined : await transaction.store.get(now.after);
      const seen = (before ? versionAfter(before) : null) ?? now.seenVersion;
      now.ifVersion = changesState(now) ? seen : null;
      if (isAction(now) && !changesState(now)) now.base = seen;
      // what goes before it may still get a version, or be decided to be another report
      isLasting = !changesState(now) || before === undefined || before.state === "sent";
    }
    now.nTries += 1;
    await written(transaction, [() => transaction.store.put(now)]).catch((error: unknown) => {
      if (!isLasting) throw error; // on a full disk the others go out all the same, and again as the same request
    });
    return now;
  }

  async #settle(row: OutboxRow, outcome: Outcome): Promise<Outcome> {
    const transaction = this.#is.database.transaction(["outbox", "photos"], "readwrite", STRICT);
    const now = await transaction.objectStore("outbox").get(row.id);
    // where the browser has no locks, another window may have been told before
    const isTold = !now || now.state === "sent" || (now.state !== "waiting" && outcome.kind !== "done");
    if (isTold) return outcome;
    const after: OutboxRow = { ...now, ...row, by: now.by, waiting: "" };
    if (outcome.kind === "done") {
      const sentAtMs = this.#is.clock.wallMs();
      Object.assign(after, { state: "sent", sentAtMs, version: outcome.fault?.version ?? null, reason: "" });
    } else if (outcome.kind === "later") after.waiting = outcome.why;
    else {
      after.state = outcome.kind;
      after.reason = outcome.reason;
      if (outcome.kind === "conflict") after.now = outcome.fault;
    }
    const photos = after.state === "sent" ? [() => transaction.objectStore("photos").delete(row.id)] : [];
    await written(transaction, [...photos, () => transaction.objectStore("outbox").put(after)]);
    this.#is.changed("fault" in outcome ? outcome.fault : null);
    return outcome;
  }

  /** Say why rows are not sent in this round. */
  async #wait(rows: readonly OutboxRow[], waiting: Waiting): Promise<void> {
    const others = rows.filter((row) => row.waiting !== waiting);
    if (others.length === 0) return;
    const transaction = this.#is.database.transaction("outbox", "readwrite");
    const puts: (() => Promise<unknown>)[] = [];
    for (const { id } of others) {
      const now = await transaction.store.get(id);
      if (now?.state === "waiting") puts.push(() => transaction.store.put({ ...now, waiting }));
    }
    await written(transaction, puts).catch(() => undefined); // a full disk: it waits all the same
    this.#is.changed(null);
  }

  /** What was sent is shown for two weeks. */
  async #prune(): Promise<void> {
    const { database, clock } = this.#is;
    const nowMs = clock.wallMs();
    for (const row of await rowsOf(database))
      if (row.sentAtMs !== null && nowMs - row.sentAtMs > SENT_KEPT_MS) await database.delete("outbox", row.id);
  }
}

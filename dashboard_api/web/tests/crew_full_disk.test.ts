/** The crew's outbox on a phone whose disk is full. */

import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { ActionRequest } from "../src/city/types";
import { openCrewDatabase } from "../src/crew/database";
import { decide } from "../src/crew/decisions";
import { Outbox, type Outcome, type Transport } from "../src/crew/outbox";
import { CLOCK, fault, who } from "./crew_server";

const LATER: Outcome = { kind: "later", why: "offline" };

function answering(...outcomes: Outcome[]): { requests: ActionRequest[]; line: Transport } {
  const requests: ActionRequest[] = [];
  const next = (): Promise<Outcome> => Promise.resolve(outcomes.shift() ?? LATER);
  const act: Transport["act"] = (_faultId, request) => {
    requests.push(request);
    return next();
  };
  return { requests, line: { who: who(null), act, check: next, photo: next } };
}

/** Every further write is refused, as on a full disk, but for the first `n`. */
function fillDisk(n: number): () => void {
  type Put = (this: IDBObjectStore, ...given: unknown[]) => IDBRequest<IDBValidKey>;
  const real = Reflect.get(IDBObjectStore.prototype, "put") as Put;
  let left = n;
  IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...given: unknown[]) {
    if ((left -= 1) < 0) throw new DOMException("full", "QuotaExceededError");
    return real.apply(this, given);
  };
  return () => {
    IDBObjectStore.prototype.put = real;
  };
}

test("on a full disk nothing of a report is kept, or all of it", async () => {
  const outbox = new Outbox(await openCrewDatabase("full"), answering().line, CLOCK);
  const report = { fault: fault("A"), place: "", by: "" };
  const kept = async (): Promise<number> => (await outbox.rows()).length;
  for (const n of [0, 1]) {
    const empty = fillDisk(n);
    await expect(outbox.add(report, { action: "assign", assignee: "Budi" }, { action: "start" })).rejects.toThrow();
    await expect(outbox.addPhoto(report, new Uint8Array(9))).rejects.toThrow();
    empty();
    expect(await kept()).toBe(0);
  }
});

test("what waits goes out from a full disk too, as the same request until its confirmation can be written", async () => {
  const done: Outcome = { kind: "done", fault: fault("A", 2) };
  const { line, requests } = answering(done, done);
  const outbox = new Outbox(await openCrewDatabase("full-waiting"), line, CLOCK);
  await outbox.add({ fault: fault("A"), place: "", by: "" }, { action: "repair", cause: "driver" });
  const empty = fillDisk(0);
  await outbox.add({ fault: fault("B"), place: "", by: "" }, { action: "repair" }).catch(() => undefined);
  expect(await outbox.send()).toBe(false);
  empty();
  expect((await outbox.rows()).map(({ state }) => state)).toEqual(["waiting"]);
  expect(await outbox.send()).toBe(true);
  expect(requests).toHaveLength(2);
  expect(requests[1]).toEqual(requests[0]);
});

test("a report that follows one that is not sent is not sent from a full disk: its version may still be another", async () => {
  const done: Outcome = { kind: "done", fault: fault("A", 2) };
  const { line, requests } = answering(done, done);
  let name = "sari";
  line.who = () => Promise.resolve({ kind: "known", name });
  const outbox = new Outbox(await openCrewDatabase("full-follower"), line, CLOCK);
  const report = { fault: fault("A"), place: "", by: "budi" };
  await outbox.add(report, { action: "assign", assignee: "Budi" }, { action: "start" });
  await outbox.send(); // both wait for Budi
  const [, start] = await outbox.rows();
  await decide(outbox, start?.id ?? "", "mine", "sari"); // it overtakes the other
  const empty = fillDisk(0);
  expect(await outbox.send()).toBe(false);
  expect(requests).toEqual([]);
  empty();
  for (name of ["budi", "sari"]) await outbox.send();
  expect(requests.map(({ action, if_version }) => [action, if_version])).toEqual([
    ["assign", 1],
    ["start", 2],
  ]);
});

const DONE: Outcome = { kind: "done", fault: fault("A", 2) };
const REFUSED: Outcome = { kind: "refused", reason: "not yours" };

test.each([
  // what it follows, how that ended, what it is, and how often it goes out from a full disk
  ["a report that is sent", DONE, "start", 1],
  ["a report that was refused, and may be tried again", REFUSED, "start", 0],
  ["a report that was refused, as a comment without a version", REFUSED, "comment", 1],
] as const)("from a full disk: what follows %s", async (name, outcome, action, n) => {
  const { line, requests } = answering(outcome, LATER);
  const outbox = new Outbox(await openCrewDatabase(`full-after-${name}`), line, CLOCK);
  await outbox.add({ fault: fault("A"), place: "", by: "" }, { action: "assign", assignee: "Budi" }, { action });
  const empty = fillDiskFor(action);
  await outbox.send();
  empty();
  expect(requests.filter((request) => request.action === action)).toHaveLength(n);
  await outbox.send();
  const sent = requests.filter((request) => request.action === action).map((request) => ({ ...request, age_s: null }));
  expect(new Set(sent.map((request) => JSON.stringify(request))).size).toBe(1);
});

/** Rows of an action are not written any more. */
function fillDiskFor(action: string): () => void {
  type Put = (this: IDBObjectStore, ...given: unknown[]) => IDBRequest<IDBValidKey>;
  const real = Reflect.get(IDBObjectStore.prototype, "put") as Put;
  IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...given: unknown[]) {
    const [row] = given as [{ body?: { action?: string } | null }];
    if (row.body?.action === action) throw new DOMException("full", "QuotaExceededError");
    return real.apply(this, given);
  };
  return () => {
    IDBObjectStore.prototype.put = real;
  };
}

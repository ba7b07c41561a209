/** Several reports of one visit: in their order, no conflict with each other, and each waiting for its own reason. */

import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { ActionRequest, Fault } from "../src/city/types";
import { openCrewDatabase } from "../src/crew/database";
import { decide } from "../src/crew/decisions";
import { Outbox, type Outcome, type Transport } from "../src/crew/outbox";
import { CLOCK, fault, FakeServer, who } from "./crew_server";

const REPAIR = { action: "repair", cause: "driver" } as const;
const COMMENT = { action: "comment", note: "the pole leans" } as const;

/** A line on which each of the first requests fares as told, and the others arrive. */
function lineTo(server: FakeServer, ...first: ("cut" | "500" | "429" | "lost" | "ok")[]) {
  const requests: ActionRequest[] = [];
  const go = (reach: () => Outcome): Promise<Outcome> => {
    const fate = first.shift() ?? "ok";
    if (fate === "cut") return Promise.resolve({ kind: "later", why: "offline" });
    if (fate === "429") return Promise.resolve({ kind: "later", why: "busy" });
    const outcome: Outcome = fate === "500" ? { kind: "later", why: "server" } : reach();
    return Promise.resolve(fate === "lost" ? { kind: "later", why: "server" } : outcome);
  };
  const line: Transport = {
    who: who(null),
    act: (faultId, request) => {
      requests.push(request);
      return go(() => server.act(faultId, request));
    },
    check: (number, outcome) => go(() => server.check(number, outcome)),
    photo: (_faultId, photoId) => go(() => server.photo(photoId)),
  };
  return { line, requests };
}

async function visited(name: string, ...fates: Parameters<typeof lineTo> extends [unknown, ...infer F] ? F : never) {
  const server = new FakeServer();
  const { line, requests } = lineTo(server, ...fates);
  const outbox = new Outbox(await openCrewDatabase(name), line, CLOCK);
  return { server, requests, outbox };
}

const report = { fault: fault("A"), place: "", by: "" };

async function states(outbox: Outbox): Promise<[string, string][]> {
  return (await outbox.rows()).map(({ state, waiting }) => [state, waiting]);
}

test("a comment of the same visit is no change by somebody else", async () => {
  const { outbox, requests } = await visited("comment-first");
  await outbox.add(report, COMMENT);
  await outbox.add(report, REPAIR);
  expect(await outbox.send()).toBe(true);
  expect(await states(outbox)).toEqual([
    ["sent", ""],
    ["sent", ""],
  ]);
  expect(requests.map(({ if_version }) => if_version)).toEqual([undefined, 2]);
});

test("a comment between two reports, and one that was sent before, is none either", async () => {
  const { outbox, server } = await visited("comment-between");
  await outbox.add(report, { action: "acknowledge" }, COMMENT, REPAIR);
  expect(await outbox.send()).toBe(true);
  expect(server.faults.get("A")?.version).toBe(4);
  await outbox.add(report, COMMENT);
  await outbox.send();
  await outbox.add(report, { action: "reopen" }); // the list that the person sees is still the old one
  expect(await outbox.send()).toBe(true);
  expect((await states(outbox)).map(([state]) => state)).toEqual(Array(5).fill("sent"));
});

test("what another person did before the comment is a conflict all the same", async () => {
  const { outbox, server } = await visited("comment-others");
  await outbox.add(report, COMMENT, REPAIR);
  server.faults.set("A", fault("A", 5));
  await outbox.send();
  expect((await states(outbox)).map(([state]) => state)).toEqual(["sent", "conflict"]);
});

test("a comment does not overtake a report that failed, so the report is no conflict with it", async () => {
  const { outbox } = await visited("overtaken", "500");
  await outbox.add(report, { action: "acknowledge" }, COMMENT, REPAIR);
  expect(await outbox.send()).toBe(false);
  expect(await states(outbox)).toEqual([
    ["waiting", "server"],
    ["waiting", "server"], // nobody's decision is waited for
    ["waiting", "server"],
  ]);
  expect(await outbox.send()).toBe(true);
  expect((await states(outbox)).map(([state]) => state)).toEqual(["sent", "sent", "sent"]);
});

test("a comment goes out past a conflict, and the decision about that is no conflict with it", async () => {
  const { outbox, server } = await visited("past");
  server.faults.set("A", fault("A", 3));
  const [first] = await outbox.add(report, { action: "acknowledge" }, REPAIR);
  await outbox.send();
  await outbox.add(report, COMMENT);
  await outbox.send();
  expect((await states(outbox)).map(([state]) => state)).toEqual(["conflict", "waiting", "sent"]);
  await decide(outbox, first?.id ?? "", "again", "");
  expect(await outbox.send()).toBe(true);
  expect((await states(outbox)).map(([state]) => state)).toEqual(["sent", "sent", "sent"]);
});

test("a server that is asked too often is left alone until the next attempt", async () => {
  const { outbox, requests } = await visited("busy", "429");
  for (const id of ["A", "B", "C"]) await outbox.add({ ...report, fault: fault(id) }, REPAIR);
  expect(await outbox.send()).toBe(false);
  expect(requests).toHaveLength(1);
  expect(await states(outbox)).toContainEqual(["waiting", "busy"]);
  expect(await outbox.send()).toBe(true);
});

test("a report that is added while a photo is on its way goes out before the next photo", async () => {
  const server = new FakeServer();
  const sent: string[] = [];
  const asked: Promise<unknown>[] = [];
  let nPhotos = 0;
  const outbox: Outbox = new Outbox(
    await openCrewDatabase("meanwhile"),
    {
      who: who(null),
      check: () => Promise.reject(new Error("none")),
      act: (faultId, request) => {
        sent.push(request.action);
        return Promise.resolve(server.act(faultId, request));
      },
      photo: async (_faultId, photoId) => {
        sent.push("photo");
        if ((nPhotos += 1) === 1) {
          await outbox.add(report, REPAIR);
          asked.push(outbox.send());
        }
        return server.photo(photoId);
      },
    },
    CLOCK,
  );
  for (const byte of [1, 2]) await outbox.addPhoto(report, new Uint8Array([byte]));
  expect(await outbox.send()).toBe(true);
  expect(await asked[0]).toBe(true);
  expect(sent).toEqual(["photo", "repair", "photo"]);
});

test("what another person reported holds nothing up, and goes out under the own name if that is wished", async () => {
  const { outbox, server, requests } = await visited("handed-on");
  const isMe = (name: string) => Object.assign(server, { name });
  isMe("sari");
  const [line] = [lineTo(server).line];
  const shared: Outbox = new Outbox(await openCrewDatabase("handed-on-2"), { ...line, who: who("sari") }, CLOCK);
  const [old] = await shared.add({ ...report, by: "budi" }, { action: "assign", assignee: "budi" });
  await shared.add({ ...report, by: "sari" }, REPAIR);
  expect(await shared.send()).toBe(true); // nothing that could go is left
  expect(await states(shared)).toEqual([
    ["waiting", "other_person"],
    ["sent", ""],
  ]);
  await decide(shared, old?.id ?? "", "discard", ""); // it may have arrived: not before it is sari's
  expect(await shared.rows()).toHaveLength(2);
  await decide(shared, old?.id ?? "", "mine", "sari");
  await shared.send();
  const [row] = await shared.rows();
  expect([row?.id, row?.by, row?.state]).toEqual([old?.id, "sari", "conflict"]);
  expect([requests, await outbox.rows()]).toEqual([[], []]);
});

test("nothing goes out while nobody can say who is signed in", async () => {
  const server = new FakeServer();
  const { line, requests } = lineTo(server);
  const later = { kind: "later", why: "sign_in" } as const;
  const outbox = new Outbox(await openCrewDatabase("nobody"), { ...line, who: () => Promise.resolve(later) }, CLOCK);
  await outbox.add({ ...report, by: "budi" }, REPAIR);
  expect(await outbox.send()).toBe(false);
  expect(await states(outbox)).toEqual([["waiting", "sign_in"]]);
  expect(requests).toEqual([]);
});

test("a plain report leaves the draft of another, and a saved form takes its own along", async () => {
  const database = await openCrewDatabase("drafts");
  const outbox = new Outbox(database, lineTo(new FakeServer()).line, CLOCK);
  const draft = { faultId: "A", note: "ladder too short", cause: "", part: "", why: "", until: "" };
  await database.put("drafts", draft);
  await outbox.add(report, { action: "acknowledge" });
  expect(await database.get("drafts", "A")).toEqual(draft);
  await outbox.add({ ...report, draft: null }, COMMENT);
  expect(await database.get("drafts", "A")).toBeUndefined();
});

test("of two windows without locks the one that is told last takes nothing back", async () => {
  const database = await openCrewDatabase("two-windows");
  const server = new FakeServer();
  let late: () => void = () => undefined;
  const slow = lineTo(server).line;
  const first: Outbox = new Outbox(
    database,
    {
      ...slow,
      act: async (faultId, request) => {
        server.act(faultId, request); // it arrives; its answer does not
        await new Promise<void>((done) => (late = done));
        return { kind: "later", why: "offline" };
      },
      photo: async () => {
        await new Promise<void>((done) => (late = done));
        return { kind: "later", why: "offline" };
      },
    },
    CLOCK,
  );
  const second = new Outbox(database, lineTo(server).line, CLOCK);
  await first.add(report, REPAIR);
  for (const kind of ["action", "photo"]) {
    if (kind === "photo") await first.addPhoto(report, new Uint8Array([1]));
    const going = first.send();
    await new Promise((done) => setTimeout(done, 20));
    expect(await second.send()).toBe(true);
    late();
    await going;
    expect((await states(first)).map(([state]) => state)).toEqual(Array(kind === "photo" ? 2 : 1).fill("sent"));
  }
  expect(server.actions.size).toBe(1);
});

test("a photo that the phone has lost says so, and is tried no more", async () => {
  const database = await openCrewDatabase("photo-gone");
  const outbox = new Outbox(database, lineTo(new FakeServer()).line, CLOCK);
  await outbox.addPhoto(report, new Uint8Array([1]));
  await database.clear("photos");
  await outbox.send();
  expect((await outbox.rows()).map(({ state, reason }) => [state, reason])).toEqual([["refused", "photo_lost"]]);
});

test("the date of a report lies after the server's last word before it, whatever the phone's clock was", async () => {
  const { ageSeconds } = await import("../src/crew/outbox_row");
  const [day, hour] = [86_400_000, 3_600_000];
  // told at 10:00; the phone begins anew without a network, a day back; the report is made at 11:00, sent at 12:00
  const told = 1e12;
  const taken = {
    wallMs: told + hour - day,
    monotonicMs: 0,
    session: "1",
    serverAheadMs: null,
    notBeforeMs: told,
  };
  const setRight = {
    wallMs: () => told + 2 * hour,
    monotonicMs: () => 0,
    session: "2",
    serverAheadMs: () => 0,
    serverToldMs: () => told,
  };
  expect(ageSeconds(taken, setRight)).toBe(2 * 3600);
  expect(ageSeconds({ ...taken, session: "2", monotonicMs: -hour }, setRight)).toBe(2 * 3600);
});

export type { Fault };

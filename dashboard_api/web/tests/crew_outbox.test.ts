/** The crew's outbox over seeds of cuts, server errors, lost answers and killed browsers: nothing lost, nothing doubled. */

import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { ActionRequest, Fault } from "../src/city/types";
import { openCrewDatabase, type CrewDatabase } from "../src/crew/database";
import { decide } from "../src/crew/decisions";
import { Outbox, type Outcome, type Transport } from "../src/crew/outbox";
import { ageSeconds, type DeviceClock } from "../src/crew/outbox_row";
import { CLOCK, fault, FakeServer, who } from "./crew_server";
import { random } from "./random";

const { process: node } = globalThis as { process?: { env: Record<string, string | undefined> } };
const N_SEEDS = node?.env.TERANG_SOAK === "1" ? 1000 : 20;
const [FIRST_SEED = 1, LAST_SEED = N_SEEDS] = (node?.env.TERANG_SEEDS ?? "").split("-").filter(Boolean).map(Number);
const N_REPAIRS = 50;
const BATCH = 10;

class Killed extends Error {}

/** A line that cuts, stalls and lies, and a browser that is killed, each by chance. */
class BadLine implements Transport {
  isKilled = false;
  constructor(
    readonly server: FakeServer,
    readonly chance: () => number,
  ) {}

  readonly who = who(null);

  #go(reach: () => Outcome): Promise<Outcome> {
    const luck = this.chance();
    if (luck < 0.1) return Promise.resolve({ kind: "later", why: "offline" }); // never arrived
    if (luck < 0.2) {
      reach();
      return Promise.resolve({ kind: "later", why: "server" }); // arrived; a proxy answered 502, or nothing came back
    }
    if (luck < 0.25) return Promise.resolve({ kind: "later", why: "server" }); // 500 before anything was stored
    if (luck < 0.3) return Promise.resolve({ kind: "later", why: "sign_in" });
    if (luck < 0.4) {
      if (luck < 0.35) reach();
      this.isKilled = true;
      return Promise.reject(new Killed()); // the browser's process ends while the request is out
    }
    return Promise.resolve(reach());
  }

  act(faultId: string, request: ActionRequest): Promise<Outcome> {
    return this.#go(() => this.server.act(faultId, request));
  }

  check(number: string, outcome: string): Promise<Outcome> {
    return this.#go(() => this.server.check(number, outcome));
  }

  photo(_faultId: string, photoId: string): Promise<Outcome> {
    return this.#go(() => this.server.photo(photoId));
  }
}

async function campaign(seed: number): Promise<void> {
  const chance = random(seed);
  const server = new FakeServer();
  const name = `campaign-${seed}`;
  const reported = new Set<string>();
  const photographed = new Set<string>();
  let database: CrewDatabase = await openCrewDatabase(name);
  let line = new BadLine(server, chance);
  let outbox = new Outbox(database, line, CLOCK);
  const restart = async (): Promise<void> => {
    database.close();
    database = await openCrewDatabase(name);
    line = new BadLine(server, chance);
    outbox = new Outbox(database, line, CLOCK);
  };
  const send = async (): Promise<void> => {
    await outbox.send().catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    if (line.isKilled) await restart();
  };
  for (let n = 0; n < N_REPAIRS; n += 1) {
    const report = { fault: fault(`F-${n}`), place: "Jalan Merdeka", by: "" };
    const at = "2026-11-23T12:05:00+07:00";
    const rows =
      chance() < 0.5
        ? await outbox.add(report, { action: "repair", at, cause: "driver" })
        : await outbox.add(
            report,
            { action: "assign", at, assignee: "Budi" },
            { action: "start", at },
            { action: "repair", at },
          );
    for (const { id } of rows) reported.add(id);
    if (chance() < 0.5) photographed.add((await outbox.addPhoto(report, new Uint8Array([255, 216, n]))).id);
    if (chance() < 0.1) server.faults.set(`F-${n}`, fault(`F-${n}`, 5)); // another crew was quicker
    if (chance() < 0.2) await restart();
    if (n % BATCH === BATCH - 1) await send();
  }
  for (
    let n = 0;
    n < 400 && (await outbox.rows()).some(({ state, waiting }) => state === "waiting" && waiting !== "behind");
    n += 1
  )
    await send();
  const rows = await outbox.rows();
  const kept = new Set(rows.filter(({ state }) => state !== "sent").map(({ id }) => id));
  for (const id of reported)
    expect(server.actions.has(id) !== kept.has(id), `${seed}: ${id} is at one of the two`).toBe(true);
  for (const id of photographed) expect(server.photos.has(id), `${seed}: photo ${id}`).toBe(true);
  expect([...server.actions.keys()].every((id) => reported.has(id))).toBe(true);
  expect(server.actions.size + kept.size).toBe(reported.size);
  expect(server.nUsedIds).toBe(0); // a repeat is the very same request
  expect(rows.filter(({ state }) => state === "refused")).toEqual([]);
  database.close();
}

test(`0 lost and 0 doubled over seeds ${FIRST_SEED} to ${LAST_SEED} of ${N_REPAIRS} repairs`, async () => {
  for (let seed = FIRST_SEED; seed <= LAST_SEED; seed += 1) await campaign(seed);
}, 3_600_000);

function fixed(...outcomes: Outcome[]): Transport & { requests: ActionRequest[] } {
  const requests: ActionRequest[] = [];
  return {
    requests,
    who: who(null),
    act: (_faultId, request) => {
      requests.push(request);
      return Promise.resolve(outcomes.shift() ?? { kind: "later", why: "offline" });
    },
    check: () => Promise.resolve(outcomes.shift() ?? { kind: "later", why: "offline" }),
    photo: () => Promise.resolve(outcomes.shift() ?? { kind: "later", why: "offline" }),
  };
}

const REPAIR = { action: "repair", at: "2026-11-23T12:05:00Z", cause: "driver" } as const;

test("a follower goes out with the version that its predecessor made", async () => {
  const line = fixed({ kind: "done", fault: fault("A", 8) }, { kind: "done", fault: fault("A", 9) });
  const outbox = new Outbox(await openCrewDatabase("chain"), line, CLOCK);
  await outbox.add(
    { fault: fault("A", 7), place: "", by: "" },
    { action: "assign", assignee: "Budi" },
    { action: "start" },
  );
  expect(await outbox.send()).toBe(true);
  expect(line.requests.map((request) => request.if_version)).toEqual([7, 8]);
});

test("a conflict holds what follows on the same fault, and a person's decision lets it go", async () => {
  const now = { ...fault("B", 4), state: "acknowledged" } as Fault;
  const line = fixed({ kind: "conflict", reason: "stale", fault: now }, { kind: "done", fault: fault("C", 2) });
  const outbox = new Outbox(await openCrewDatabase("conflict"), line, CLOCK);
  const [first] = await outbox.add({ fault: fault("B", 1), place: "", by: "" }, { action: "acknowledge" }, REPAIR);
  await outbox.add({ fault: fault("C", 1), place: "", by: "" }, REPAIR);
  expect(await outbox.send()).toBe(false);
  expect((await outbox.rows()).map(({ state, waiting }) => [state, waiting])).toEqual([
    ["conflict", ""],
    ["waiting", "behind"],
    ["sent", ""],
  ]);
  await decide(outbox, first?.id ?? "", "again", "");
  const [again] = await outbox.rows();
  expect(again?.id).not.toBe(first?.id);
  expect([again?.seenVersion, again?.n]).toEqual([4, first?.n]);
  const rows = await outbox.rows();
  expect(rows[1]?.after).toBe(again?.id);
});

test("a refusal is kept with its reason, and tried again only when a person says so", async () => {
  const line = fixed({ kind: "refused", reason: "no such fault" });
  const outbox = new Outbox(await openCrewDatabase("refused"), line, CLOCK);
  const [row] = await outbox.add({ fault: fault("D"), place: "", by: "" }, REPAIR);
  await outbox.send();
  await outbox.send();
  expect(line.requests).toHaveLength(1);
  expect((await outbox.rows())[0]).toMatchObject({ state: "refused", reason: "no such fault" });
  await decide(outbox, row?.id ?? "", "note", "Repaired: driver");
  expect((await outbox.rows())[0]).toMatchObject({
    state: "waiting",
    body: { action: "comment", note: "Repaired: driver" },
  });
});

test("another person's reports wait for that person", async () => {
  const line = fixed({ kind: "done", fault: fault("E", 2) });
  const database = await openCrewDatabase("person");
  const outbox = new Outbox(database, { ...line, who: who("sari") }, CLOCK);
  await outbox.add({ fault: fault("E"), place: "", by: "budi" }, REPAIR);
  await outbox.send();
  expect((await outbox.rows())[0]).toMatchObject({ state: "waiting", waiting: "other_person" });
  await new Outbox(database, { ...line, who: who("budi") }, CLOCK).send();
  expect((await outbox.rows())[0]?.state).toBe("sent");
});

test("the age holds though the phone's clock is a day off and set right meanwhile", () => {
  const day = 86_400_000;
  const taken = { wallMs: 1e12 - day, monotonicMs: 5_000, session: "before", serverAheadMs: day };
  const clock: DeviceClock = {
    wallMs: () => 1e12 + 60_000,
    monotonicMs: () => 0,
    session: "now",
    serverAheadMs: () => 0,
    serverToldMs: () => null,
  };
  expect(ageSeconds(taken, clock)).toBe(60);
  const unknown = { ...taken, serverAheadMs: null };
  const sameDay: DeviceClock = { ...clock, wallMs: () => taken.wallMs + 30_000, serverAheadMs: () => day };
  expect(ageSeconds(unknown, sameDay)).toBe(30);
  const setBack: DeviceClock = {
    ...sameDay,
    wallMs: () => taken.wallMs - day,
    session: "before",
    monotonicMs: () => 95_000,
  };
  expect(ageSeconds(unknown, setBack)).toBe(90); // the page stayed open: its own clock knows
});

test("what checks of citizens' reports found is neither lost nor doubled on a bad line", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const server = new FakeServer();
    const chance = random(seed);
    const name = `checks-${seed}`;
    let database = await openCrewDatabase(name);
    for (let n = 0; n < 5; n += 1)
      await new Outbox(database, new BadLine(server, chance), CLOCK).addCheck(`R${n}`, "in_order", "Budi", "Jalan");
    for (let round = 0; round < 200; round += 1) {
      const outbox = new Outbox(database, new BadLine(server, chance), CLOCK);
      const isAllGone = await outbox.send().catch(() => false);
      if (isAllGone) break;
      database.close(); // killed, and opened again
      database = await openCrewDatabase(name);
    }
    const rows = await new Outbox(database, new BadLine(server, chance), CLOCK).rows();
    expect(rows.map(({ state }) => state)).toEqual(Array(5).fill("sent"));
    expect([...server.checks].sort()).toEqual([0, 1, 2, 3, 4].map((n) => [`R${n}`, "in_order"]));
    database.close();
  }
});

test("a second answer to a check that has not gone out replaces the first, and another's outcome is a refusal", async () => {
  const database = await openCrewDatabase("check-again");
  const line = fixed({ kind: "refused", reason: "it has the outcome mended" });
  const outbox = new Outbox(database, line, CLOCK);
  await outbox.addCheck("R1", "in_order", "Budi", "Jalan");
  await outbox.addCheck("R1", "not_found", "Budi", "Jalan");
  expect((await outbox.rows()).map(({ check }) => check?.outcome)).toEqual(["not_found"]);
  expect(await outbox.send()).toBe(true);
  const [row] = await outbox.rows();
  expect([row?.state, row?.reason]).toEqual(["refused", "it has the outcome mended"]);
  database.close();
});

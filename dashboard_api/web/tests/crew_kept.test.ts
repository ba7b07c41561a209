/** Lists that the crew's phone keeps in parts, and reports of a phone that keeps nothing. */

import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { ActionRequest, Fault } from "../src/city/types";
import { who } from "./crew_server";
import { openCrewDatabase, openInTime, type CrewDatabase } from "../src/crew/database";
import { KeptAnswers } from "../src/crew/kept_answers";
import { actAtOnce, photoAtOnce } from "../src/crew/send_at_once";
import type { Outcome, Transport } from "../src/crew/transport";

const MOST_AT_ONCE = 50;

function items(n: number, of: string): { id: string }[] {
  return Array.from({ length: n }, (_, nth) => ({ id: `${of}-${nth}` }));
}

test("a list is written in parts that a phone copies within a frame, and read whole", async () => {
  const database = await openCrewDatabase("parts");
  const kept = new KeptAnswers(database);
  for (const [n, of] of [
    [1000, "A"],
    [120, "B"],
    [0, "C"],
    [1001, "D"],
  ] as const) {
    await kept.putList("faults", items(n, of), { isComplete: true }, n);
    expect(await kept.getList("faults")).toEqual({
      key: "faults",
      value: { isComplete: true, items: items(n, of) },
      atMs: n,
    });
    const all = await database.getAll("kept");
    expect(all.length).toBe(1 + Math.ceil(n / MOST_AT_ONCE)); // and none of the list before
    for (const { value } of all) expect(Array.isArray(value) ? value.length : 0).toBeLessThanOrEqual(MOST_AT_ONCE);
  }
});

test("of a list that has not changed the time alone is written, unless another window wrote meanwhile", async () => {
  const database = await openCrewDatabase("same");
  const kept = new KeptAnswers(database);
  const same = items(120, "A");
  await kept.putList("faults", same, { isComplete: true }, 1);
  const parts = async () => (await database.getAll("kept")).filter(({ value }) => Array.isArray(value));
  for (const atMs of [2, 3]) {
    await kept.putList("faults", [...same], { isComplete: true }, atMs);
    expect((await parts()).map((part) => part.atMs)).toEqual([1, 1, 1]);
    const told = { key: "faults", value: { isComplete: true, items: same }, atMs };
    expect(await new KeptAnswers(database).getList("faults")).toEqual(told);
  }
  await new KeptAnswers(database).putList("faults", items(60, "B"), { isComplete: true }, 4);
  await kept.putList("faults", [...same], { isComplete: true }, 5);
  expect((await parts()).map((part) => part.atMs)).toEqual([5, 5, 5]);
  expect((await kept.getList("faults"))?.value).toEqual({ isComplete: true, items: same });
});

test("a storage that was cleared under the page answers nothing, and keeps nothing of the next list", async () => {
  const database = await openCrewDatabase("gone");
  const kept = new KeptAnswers(database);
  await kept.putList("faults", items(60, "A"), { isComplete: true }, 1);
  database.close();
  expect(await kept.get("faults")).toBe(null);
  await kept.prune(1, new Set());
  await kept.forget();
  await kept.putList("faults", items(70, "B"), { isComplete: true }, 2);
  expect((await kept.getList("faults"))?.atMs).toBe(2); // as long as the page lasts
});

test("a page that ends while it writes a list leaves the list before", async () => {
  const database = await openCrewDatabase("ended");
  await new KeptAnswers(database).putList("faults", items(300, "A"), { isComplete: true }, 1);
  for (let nPuts = 0; nPuts < 6; nPuts += 1) {
    let left = nPuts;
    const ending = new Proxy(database, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...given: unknown[]): unknown => {
          if (name === "put" && (left -= 1) < 0) throw new Error("ended");
          return (value as (...given: unknown[]) => unknown).apply(target, given);
        };
      },
    });
    await new KeptAnswers(ending).putList("faults", items(250, "B"), { isComplete: true }, 2);
    const found = await new KeptAnswers(database).getList("faults");
    expect(found?.value).toEqual({ isComplete: true, items: items(300, "A") });
  }
});

test("a list that an older version kept whole is read, and one that lacks a part says that it is not complete", async () => {
  const database = await openCrewDatabase("older");
  const kept = new KeptAnswers(database);
  await kept.put("faults", { items: items(70, "A"), isComplete: true }, 5);
  expect((await kept.getList("faults"))?.value).toEqual({ items: items(70, "A"), isComplete: true });
  await kept.putList("faults", items(120, "B"), { isComplete: true }, 6);
  const lost = (await database.getAllKeys("kept")).find((key) => key.endsWith("/1")) ?? "";
  await database.delete("kept", lost);
  const found = (await kept.getList("faults"))?.value as { items: unknown[]; isComplete: boolean };
  expect([found.items.length, found.isComplete]).toEqual([70, false]);
});

test("a storage that does not answer is done without, and closed when it opens after all", async () => {
  const never = (): Promise<CrewDatabase> => new Promise(() => undefined);
  expect(await openInTime(never, 5)).toBeNull();
  expect(await openInTime(() => Promise.reject(new Error("forbidden")), 5)).toBeNull();
  const database = await openCrewDatabase("late");
  let open: (database: CrewDatabase) => void = () => undefined;
  const late = openInTime(() => new Promise((resolve) => (open = resolve)), 5);
  expect(await late).toBeNull();
  open(database);
  await Promise.resolve();
  await Promise.resolve();
  expect(() => database.transaction("kept")).toThrow();
});

function told(...outcomes: Outcome[]): { asked: ActionRequest[]; photos: string[]; transport: Transport } {
  const [asked, photos]: [ActionRequest[], string[]] = [[], []];
  const next = (): Promise<Outcome> => Promise.resolve(outcomes.shift() ?? { kind: "later", why: "offline" });
  const transport: Transport = {
    who: who(null),
    act: (_faultId, request) => {
      asked.push(request);
      return next();
    },
    check: next,
    photo: (_faultId, id) => {
      photos.push(id);
      return next();
    },
  };
  return { asked, photos, transport };
}

const FAULT = { id: "F", version: 3 } as Fault;

test("what cannot be kept is sent at once, the same request again until there is an answer", async () => {
  const lost: Outcome = { kind: "later", why: "server" };
  const done = (version: number): Outcome => ({ kind: "done", fault: { id: "F", version } as Fault });
  const { asked, transport } = told(lost, lost, done(4), done(5));
  const outcome = await actAtOnce(FAULT, [{ action: "acknowledge" }, { action: "repair" }], { transport, pauseMs: 0 });
  expect(outcome.kind).toBe("done");
  expect(asked.map(({ action, if_version }) => [action, if_version])).toEqual([
    ["acknowledge", 3],
    ["acknowledge", 3],
    ["acknowledge", 3],
    ["repair", 4],
  ]);
  expect(new Set(asked.slice(0, 3).map(({ action_id }) => action_id)).size).toBe(1);
});

test("a report that has no answer after some attempts is told as not sent, and a conflict ends the row", async () => {
  const silent = told();
  expect((await actAtOnce(FAULT, [{ action: "repair" }], { transport: silent.transport, pauseMs: 0 })).kind).toBe(
    "later",
  );
  expect(silent.asked).toHaveLength(3);
  const photos = told({ kind: "later", why: "server" }, { kind: "done", fault: null });
  expect((await photoAtOnce("F", new Uint8Array(1), { transport: photos.transport, pauseMs: 0 })).kind).toBe("done");
  expect(new Set(photos.photos).size).toBe(1);
  const conflict = told({ kind: "conflict", reason: "stale", fault: FAULT });
  const two = [{ action: "assign", assignee: "Budi" }, { action: "start" }] as const;
  expect((await actAtOnce(FAULT, two, { transport: conflict.transport, pauseMs: 0 })).kind).toBe("conflict");
  expect(conflict.asked).toHaveLength(1);
});

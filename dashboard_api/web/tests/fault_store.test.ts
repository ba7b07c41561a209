import { describe, expect, test } from "vitest";
import { byPriority, FaultStore, NO_FILTER, passes } from "../src/city/fault_store";
import type { Fault, TimelineEntry } from "../src/city/types";

function fault(id: string, more: Partial<Fault> = {}): Fault {
  return {
    id,
    code: "lampFailure",
    state: "open",
    version: 1,
    priority: 50,
    caused_by: null,
    opened_at: "2026-11-23T12:05:00Z",
    lamp_ids: [`L-${id}`],
    street: "Jalan Merdeka",
    district: "Kota Lama",
    cabinet_id: "C-1",
    ...more,
  } as Fault;
}

const title = () => "Lamp dark";
const entry: TimelineEntry = {
  seq: 1,
  at: "",
  actor: "telemetry",
  kind: "opened",
  state: "open",
  version: 1,
  reason: null,
  note: null,
  data: {},
};

describe("the store", () => {
  test("drops a version older than the one it knows", () => {
    const store = new FaultStore();
    store.take(fault("A", { version: 3, state: "assigned" }));
    store.take(fault("A", { version: 2, state: "acknowledged" }));
    expect(store.get("A")?.state).toBe("assigned");
  });

  test("lets go of what is closed or explained by another fault", () => {
    const store = new FaultStore();
    store.load([fault("A"), fault("B")]);
    store.take(fault("A", { version: 2, state: "closed" }));
    store.take(fault("B", { version: 2, caused_by: "C" }));
    expect(store.all()).toEqual([]);
  });

  test("says once that a fault is new, and then that it changed", () => {
    const store = new FaultStore();
    const heard: string[] = [];
    store.onChange((change) => heard.push(change));
    store.take(fault("A"));
    store.take(fault("A", { version: 2 }));
    store.take(fault("A", { version: 3, state: "closed" }));
    store.take(fault("A", { version: 3, state: "closed" }));
    expect(heard).toEqual(["opened", "changed", "closed"]);
  });

  test("keeps the timeline that a list leaves out", () => {
    const store = new FaultStore();
    store.take(fault("A", { timeline: [entry] }));
    store.take(fault("A", { version: 2 }));
    expect(store.get("A")?.timeline).toHaveLength(1);
  });
});

test("the list goes by priority, and the longer-standing fault first among equals", () => {
  const older = fault("B", { opened_at: "2026-11-22T12:05:00Z" });
  const sorted = [fault("A"), fault("C", { priority: 90 }), older].sort(byPriority);
  expect(sorted.map(({ id }) => id)).toEqual(["C", "B", "A"]);
});

describe("the filter", () => {
  test("finds by every word, in any field and any case", () => {
    expect(passes(fault("A"), { ...NO_FILTER, text: "MERDEKA dark" }, title)).toBe(true);
    expect(passes(fault("A"), { ...NO_FILTER, text: "merdeka sudirman" }, title)).toBe(false);
    expect(passes(fault("A"), { ...NO_FILTER, text: "l-a" }, title)).toBe(true);
  });

  test("holds each of its fields", () => {
    for (const part of [
      { district: "X" },
      { code: "X" },
      { state: "assigned" as const },
      { severity: "X" },
      { cabinetId: "X" },
    ])
      expect(passes(fault("A"), { ...NO_FILTER, ...part }, title)).toBe(false);
    expect(passes(fault("A"), { ...NO_FILTER, district: "Kota Lama", code: "lampFailure", state: "open" }, title)).toBe(
      true,
    );
  });
});

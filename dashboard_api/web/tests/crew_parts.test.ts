// @vitest-environment happy-dom
/** The parts of the crew's page that need no browser: order, distance, files, addresses, what an answer means. */

import "fake-indexeddb/auto";
import { expect, test, vi } from "vitest";
import { CityClock } from "../src/city/clock";
import type { City, Fault } from "../src/city/types";
import { morningAfter, ratingsOf } from "../src/crew/choices";
import { addressOf, labelOf, routeOf, START } from "../src/crew/crew_route";
import { openCrewDatabase } from "../src/crew/database";
import { bearing, compassPoint, distanceText, metresBetween } from "../src/crew/distance";
import { cell, csvOf, gpxOf } from "../src/crew/exports";
import { KeptAnswers } from "../src/crew/kept_answers";
import { outcomeOf } from "../src/crew/server";
import { pathMetres, tourOrder } from "../src/crew/tour";
import { grouped, openReports, stateOf, workRows } from "../src/crew/work_list";

const HERE = { latitude: 0.7893, longitude: 102.0489 };

function fault(id: string, more: Partial<Fault> = {}): Fault {
  const plain = { id, version: 1, state: "open", code: "lampFailure", level: "lamp", priority: 50, lamp_ids: [id] };
  const where = { street: "Jalan Merdeka", cabinet_id: "C-1", district: "Siak", lamp_id: id, ...HERE };
  return { ...plain, ...where, assignee: null, opened_at: "2026-11-23T12:05:00Z", evidence: {}, ...more } as Fault;
}

test("distances and bearings on the ground", () => {
  const north = { ...HERE, latitude: HERE.latitude + 0.01 };
  expect(metresBetween(HERE, north)).toBeCloseTo(1111.95, 1);
  expect(compassPoint(bearing(HERE, north))).toBe("n");
  expect(compassPoint(bearing(HERE, { latitude: HERE.latitude - 0.01, longitude: HERE.longitude - 0.01 }))).toBe("sw");
  const said = [3, 318, 996, 1449, 12_400].map((metres) => distanceText(metres, "en-GB").replace("\u00a0", " "));
  expect(said).toEqual(["10 m", "320 m", "1.0 km", "1.4 km", "12 km"]);
});

test("a tour is a permutation, no longer than nearest neighbour, and has no crossing left on a line", () => {
  const stops = [5, 1, 9, 3, 7, 0, 8, 2, 6, 4].map((n) => ({ latitude: 0, longitude: n * 0.001, n }));
  const tour = tourOrder(stops, { latitude: 0, longitude: -0.001 });
  expect(tour.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 20; round += 1) {
    const some = Array.from({ length: 25 }, (_, n) => ({ latitude: random() / 50, longitude: random() / 50, n }));
    const order = tourOrder(some, HERE);
    expect(order.map(({ n }) => n).sort((a, b) => a - b)).toEqual(some.map(({ n }) => n));
    expect(pathMetres(order, HERE)).toBeLessThanOrEqual(pathMetres(some, HERE));
    for (let from = 0; from < 24; from += 1)
      for (let to = from + 1; to < 25; to += 1) {
        const turned = [...order.slice(0, from), ...order.slice(from, to + 1).reverse(), ...order.slice(to + 1)];
        expect(pathMetres(turned, HERE)).toBeGreaterThan(pathMetres(order, HERE) - 1);
      }
  }
});

test("no cell becomes a formula, and both files carry street and title", () => {
  expect([cell("=1+1"), cell("-2"), cell(-2), cell('a"b'), cell("a,b"), cell(null)]).toEqual([
    "'=1+1",
    "'-2",
    "-2",
    '"a""b"',
    '"a,b"',
    "",
  ]);
  const rows = [
    { fault: fault("L-1", { street: "Jalan <A>\u0001" }), title: "Lamp & dark", advice: "Bring", state: "open" },
  ];
  expect(csvOf(rows)).toContain("Lamp & dark,Jalan <A>");
  const gpx = new DOMParser().parseFromString(gpxOf(rows), "application/xml");
  expect(gpx.querySelector("wpt name")?.textContent).toBe("1 · L-1 · Jalan <A> · Lamp & dark");
  expect(gpxOf([{ ...rows[0], fault: fault("L-2", { latitude: null }) } as (typeof rows)[0]])).not.toContain("<wpt");
});

test("a route survives its address", () => {
  const route = {
    ...START,
    view: "tour" as const,
    fault: "01A",
    district: "Siak & Mempura",
    order: "distance" as const,
    text: "jl #3",
  };
  expect(routeOf(new URL(addressOf(route, new URL("https://t.id/crew?lang=en")), "https://t.id"))).toEqual(route);
  expect(addressOf(START, new URL("https://t.id/crew"))).toBe("/crew");
  expect(routeOf(new URL("https://t.id/crew?view=none&order=x&who=y"))).toEqual(START);
});

test.each([
  ["https://other.name/crew?lamp=PJU%2F17%2F3", { lamp: "PJU/17/3", cabinet: "" }],
  ["https://t.id/crew?cabinet=C-1", { lamp: "", cabinet: "C-1" }],
  ["https://t.id/lamp/PJU/17/3", { lamp: "PJU/17/3", cabinet: "" }],
  ["https://t.id/crew", null],
  ["https://t.id/lamp/%", { lamp: "%", cabinet: "" }],
  ["WIFI:S:net;;", null],
  ["https://example.org/", null],
])("the label %s", (text, label) => {
  expect(labelOf(text)).toEqual(label);
});

test("rows stand under cabinet and street, in the order of their first row; what waits counts already", () => {
  const far = { latitude: 0.8, longitude: 102.06 };
  const faults = [
    fault("A", { ...far, priority: 90 }),
    fault("B"),
    fault("C", { street: "Jalan Hang Tuah", assignee: "budi" }),
  ];
  const about = { name: "Budi", here: HERE, reports: new Map(), titleOf: (code: string) => code };
  const ids = (route: typeof START) => workRows(faults, route, about).map((row) => row.fault.id);
  expect(ids(START)).toEqual(["A", "B", "C"]);
  expect(ids({ ...START, order: "distance" })[2]).toBe("A");
  expect(ids({ ...START, who: "mine" })).toEqual(["C"]);
  expect(ids({ ...START, who: "free" })).toEqual(["A", "B"]);
  const items = grouped(workRows(faults, START, about));
  expect(items.map((item) => (item.kind === "head" ? `${item.street} ${item.n}` : item.fault.id))).toEqual([
    "Jalan Merdeka 2",
    "A",
    "B",
    "Jalan Hang Tuah 1",
    "C",
  ]);
  const row = { id: "x", faultId: "A", kind: "action", state: "waiting", body: { action: "repair" } };
  const reports = openReports([row as never, { ...row, id: "y", state: "sent", faultId: "B" } as never]);
  expect([...reports.keys()]).toEqual(["A"]);
  expect(stateOf(fault("A"), reports.get("A") ?? [])).toBe("repaired");
});

const PROBLEM = "application/problem+json";
const anyOne = (): boolean => true;

test.each([
  [200, "application/json", { id: "A", version: 2, state: "open" }, "done"],
  [200, "text/html", null, "later"], // a captive portal
  [500, PROBLEM, { detail: "x" }, "later"],
  [502, "text/html", null, "later"],
  [401, PROBLEM, { detail: "x" }, "later"],
  [429, PROBLEM, { detail: "x" }, "later"],
  [404, "text/html", null, "later"], // a proxy's page
  [404, PROBLEM, { detail: "no such fault" }, "refused"],
  [413, PROBLEM, { detail: "too large" }, "refused"],
  [409, PROBLEM, { code: "stale_version", fault: { id: "A", version: 2, state: "open" } }, "conflict"],
  [409, PROBLEM, { code: "action_id_used", fault: { id: "A", version: 2, state: "open" } }, "refused"],
])("an answer %i %s %o is %s", (status, type, document, kind) => {
  expect(outcomeOf({ status, type, document }, anyOne).kind).toBe(kind);
});

test("an answer about another fault is no confirmation", () => {
  const document = { id: "B", version: 2, state: "open" };
  expect(outcomeOf({ status: 200, type: "application/json", document }, (told) => told.id === "A").kind).toBe("later");
});

test("kept answers last two weeks, lists and my work longer", async () => {
  const kept = new KeptAnswers(await openCrewDatabase("kept"));
  const day = 86_400_000;
  for (const key of ["faults", "fault/A", "fault/B"]) await kept.put(key, key, 0);
  await kept.prune(14 * day, new Set());
  expect((await kept.get("fault/B"))?.value).toBe("fault/B");
  await kept.prune(14 * day + 1, new Set(["fault/A"]));
  expect([await kept.get("fault/B"), (await kept.get("fault/A"))?.atMs, (await kept.get("faults"))?.atMs]).toEqual([
    null,
    0,
    0,
  ]);
});

test("what a circuit or a bus should draw is no lamp to bring", () => {
  const of = (level: Fault["level"], expected_power_w: number) => ({ level, evidence: { expected_power_w } });
  const faults = [
    of("lamp", 90.2),
    of("lamp", 89.9),
    of("lamp", 250),
    of("circuit", 1080),
    of("cabinet", 11000),
    of("controller", 720),
  ];
  expect(ratingsOf(faults)).toEqual([
    [250, 1],
    [90, 2],
  ]);
});

test("tomorrow is the city's morning, whatever the phone's clock says", () => {
  const city = { timezone: "Asia/Jakarta", now: "2026-09-21T14:13:20Z" } as City; // 21:13 there
  const dayMs = 86_400_000;
  vi.useFakeTimers();
  for (const offMs of [0, -dayMs, dayMs, 400 * dayMs]) {
    vi.setSystemTime(Date.parse(city.now) + offMs);
    const clock = new CityClock();
    clock.set(city, Date.now());
    expect(morningAfter(clock, 1)).toBe("2026-09-21T23:00:00.000Z"); // 6:00 in Jakarta
    expect(morningAfter(clock, 7)).toBe("2026-09-27T23:00:00.000Z");
  }
  vi.useRealTimers();
});

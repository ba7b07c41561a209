/** The crew's list without elements: filter, order, groups by cabinet and street, and what own reports make of it. Pure. */

import { passes, NO_FILTER } from "../city/fault_store";
import type { CheckItem, Fault, FaultState } from "../city/types";
import type { CrewRoute } from "./crew_route";
import { metresBetween, type Point } from "./distance";
import { changesState, type OutboxRow, type RowState } from "./outbox_row";

export interface WorkRow {
  kind: "row";
  fault: Fault;
  metres: number | null;
  /** The newest own report on it that the server has not confirmed. */
  report: { state: RowState; action: string } | null;
}
export interface GroupHead {
  kind: "head";
  key: string;
  cabinetId: string;
  street: string;
  n: number;
}
export type WorkItem = WorkRow | GroupHead;

const AFTER: Record<string, FaultState> = {
  acknowledge: "acknowledged",
  assign: "assigned",
  start: "assigned",
  repair: "repaired",
  cannot_repair: "acknowledged",
  reopen: "open",
};

/** A fault's state as the person has left it: what waits to be sent counts already. */
export function stateOf(fault: Fault, reports: readonly OutboxRow[]): FaultState {
  const last = reports.findLast((row) => changesState(row) && row.state === "waiting");
  return AFTER[last?.body?.action ?? ""] ?? fault.state;
}

/** Own reports by fault, oldest first, without those that are sent. */
export function openReports(rows: readonly OutboxRow[]): Map<string, OutboxRow[]> {
  const found = new Map<string, OutboxRow[]>();
  for (const row of rows) {
    if (row.state === "sent") continue;
    const same = found.get(row.faultId);
    if (same) same.push(row);
    else found.set(row.faultId, [row]);
  }
  return found;
}

export function isMine(fault: Fault, name: string, reports: readonly OutboxRow[]): boolean {
  if (reports.some(changesState)) return true;
  return name !== "" && fault.assignee?.toLowerCase() === name.toLowerCase();
}

export function pointOf(fault: Pick<Fault, "latitude" | "longitude">): Point | null {
  const { latitude, longitude } = fault;
  return latitude === null || longitude === null ? null : { latitude, longitude };
}

/** The faults that the filter asks for, in its order. */
export function workRows(
  faults: readonly Fault[],
  route: CrewRoute,
  about: {
    name: string;
    here: Point | null;
    reports: ReadonlyMap<string, readonly OutboxRow[]>;
    titleOf: (code: string) => string;
  },
): WorkRow[] {
  const { here, name, reports, titleOf } = about;
  const filter = { ...NO_FILTER, text: route.text, district: route.district, code: route.code };
  const rows = faults
    .filter((fault) => passes(fault, filter, titleOf))
    .filter((fault) => {
      if (route.who === "mine") return isMine(fault, name, reports.get(fault.id) ?? []);
      return route.who === "all" || fault.assignee === null;
    })
    .map((fault): WorkRow => {
      const point = pointOf(fault);
      const last = reports.get(fault.id)?.at(-1);
      return {
        kind: "row",
        fault,
        metres: here && point ? metresBetween(here, point) : null,
        report: last ? { state: last.state, action: last.body?.action ?? "photo" } : null,
      };
    });
  if (route.order === "distance" && here)
    rows.sort((a, b) => (a.metres ?? Infinity) - (b.metres ?? Infinity) || b.fault.priority - a.fault.priority);
  return rows;
}

/** Rows under heads of cabinet and street; a group stands where its first row does. */
export function grouped(rows: readonly WorkRow[]): WorkItem[] {
  const groups = new Map<string, WorkRow[]>();
  for (const row of rows) {
    const key = `${row.fault.cabinet_id ?? row.fault.controller_id ?? ""}\n${row.fault.street ?? ""}`;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups].flatMap(([key, group]): WorkItem[] => {
    const [cabinetId = "", street = ""] = key.split("\n");
    return [{ kind: "head", key, cabinetId, street, n: group.length }, ...group];
  });
}

/** Checks of which this phone has no answer that is sent or waits to be. */
export function openChecks(checks: readonly CheckItem[], rows: readonly OutboxRow[]): CheckItem[] {
  const answered = new Set(rows.filter(({ state }) => state !== "refused").map(({ check }) => check?.number));
  return checks.filter(({ number }) => !answered.has(number));
}

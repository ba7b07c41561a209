/** The tour of the map: which of the worst places it stops at, and in what order. Pure. */

import type { BriefFault } from "../city/types";
import { metres } from "../map/geometry";

const AT_MOST = 6;
const APART_M = 150; // faults of one street are one place

export interface Stop {
  fault: BriefFault;
  place: [number, number];
}

/** Places of the worst faults, worst first; those without a place, and neighbours of a worse one, are left out. */
export function stopsOf(worst: readonly BriefFault[]): Stop[] {
  const stops: Stop[] = [];
  for (const fault of worst) {
    if (fault.longitude === null || fault.latitude === null) continue;
    const place: [number, number] = [fault.longitude, fault.latitude];
    if (stops.every((other) => metres(other.place, place) >= APART_M)) stops.push({ fault, place });
    if (stops.length === AT_MOST) break;
  }
  return stops;
}

/** The stop after the one of fault `id` (null: the whole city); null = the whole city comes next. */
export function nextStop(stops: readonly Stop[], id: string | null): Stop | null {
  if (id === null) return stops[0] ?? null;
  const now = stops.findIndex(({ fault }) => fault.id === id);
  return stops[now + 1] ?? null; // one that is gone begins anew
}

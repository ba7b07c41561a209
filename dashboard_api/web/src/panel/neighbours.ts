/** The lamps before and after a lamp on its circuit: what they do tells a broken lamp from a broken cable. */

import { get, isExpected } from "../city/api";
import { lampState, type CabinetLamps, type LampState } from "../city/types";

export interface Neighbour {
  lampId: string;
  state: LampState;
  isAfter: boolean;
}

/** The nearest lamps on both sides of row `at` of a cabinet's lamps, which stand in the order of their circuits. */
export function besides({ columns }: Pick<CabinetLamps, "columns">, lampId: string): Neighbour[] {
  const ids = (columns.lamp_id ?? []) as string[];
  const row = ids.indexOf(lampId);
  const circuit = columns.circuit?.[row];
  const position = columns.position?.[row];
  if (row < 0 || typeof circuit !== "string" || typeof position !== "number") return [];
  const found: Neighbour[] = [];
  for (const isAfter of [false, true]) {
    let nearest = -1;
    let distance = Infinity;
    ids.forEach((_, other) => {
      const there = columns.position?.[other];
      if (columns.circuit?.[other] !== circuit || typeof there !== "number") return;
      const away = isAfter ? there - position : position - there;
      if (away > 0 && away < distance) [nearest, distance] = [other, away];
    });
    const id = ids[nearest];
    if (id !== undefined) found.push({ lampId: id, state: lampState(columns.state?.[nearest]), isAfter });
  }
  return found;
}

/** The neighbours of a lamp; none where the server cannot be asked. */
export async function neighboursOf(lampId: string, cabinetId: string): Promise<Neighbour[]> {
  try {
    return besides(await get<CabinetLamps>(`/cabinets/${encodeURIComponent(cabinetId)}/lamps`), lampId);
  } catch (error) {
    isExpected(error);
    return [];
  }
}

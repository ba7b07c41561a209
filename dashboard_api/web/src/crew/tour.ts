/** The order of a tour: nearest neighbour, then 2-opt, over straight-line distances. Pure. */

import { metresBetween, type Point } from "./distance";

/** Stops of a tour; more are not done in a day, and 2-opt takes milliseconds for so many. */
export const MOST_STOPS = 60;
const MOST_ROUNDS = 30;
const LEAST_GAIN_M = 0.5;

/** Length of an open path over `stops` in metres, from `start` where it is known. */
export function pathMetres(stops: readonly Point[], start: Point | null): number {
  const path = start ? [start, ...stops] : stops;
  return path.slice(1).reduce((sum, stop, row) => sum + metresBetween(path[row] ?? stop, stop), 0);
}

/** `stops` in the order in which they are nearest to one another, beginning next to `start` or with the first. */
function nearestNeighbour<T extends Point>(stops: readonly T[], start: Point | null): T[] {
  const left = [...stops];
  const order: T[] = [];
  let here: Point | null = start;
  while (left.length > 0) {
    let best = 0;
    if (here) {
      let bestMetres = Infinity;
      for (const [row, stop] of left.entries()) {
        const metres = metresBetween(here, stop);
        if (metres < bestMetres) [best, bestMetres] = [row, metres];
      }
    }
    const [next] = left.splice(best, 1);
    if (!next) break;
    order.push(next);
    here = next;
  }
  return order;
}

/** An order of `stops` (at most `MOST_STOPS`; the rest is left out) in which an open tour from `start` is short. */
export function tourOrder<T extends Point>(stops: readonly T[], start: Point | null): T[] {
  let order = nearestNeighbour(stops.slice(0, MOST_STOPS), start);
  const at = (row: number): Point | null => (row < 0 ? start : (order[row] ?? null));
  const gap = (a: Point | null, b: Point | null): number => (a && b ? metresBetween(a, b) : 0);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    let hasChanged = false;
    // without a start the first stop stays: it is the most urgent or the nearest one
    for (let from = start ? 0 : 1; from < order.length - 1; from += 1)
      for (let to = from + 1; to < order.length; to += 1) {
        const before = gap(at(from - 1), at(from)) + gap(at(to), at(to + 1));
        const after = gap(at(from - 1), at(to)) + gap(at(from), at(to + 1));
        if (before - after < LEAST_GAIN_M) continue;
        order = [...order.slice(0, from), ...order.slice(from, to + 1).reverse(), ...order.slice(to + 1)];
        hasChanged = true;
      }
    if (!hasChanged) break;
  }
  return order;
}

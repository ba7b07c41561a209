/** Asking again and again, and asking for all of a list that comes in pages. */

import { getKept, Problem, Unreachable } from "./api";
import type { Fault, FaultPage } from "./types";

const FAULTS_AT_ONCE = 1_000;

/** Every fault that is not closed, and when the server said so by this device's clock. */
export async function openFaults(): Promise<{ faults: Fault[]; atMs: number }> {
  const faults: Fault[] = [];
  let atMs = Date.now();
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const path = `/faults?order=priority&limit=${FAULTS_AT_ONCE}${query}`;
    const { value, keptAtMs } = await getKept<FaultPage>(path);
    faults.push(...value.items);
    cursor = value.next_cursor;
    atMs = Math.min(atMs, keptAtMs);
  } while (cursor);
  return { faults, atMs };
}

/** Do something again and again while somebody looks; a server that is away is no error, it is said in the bar. */
export function repeat(everyMs: number, work: () => Promise<void>): void {
  const turn = async () => {
    try {
      if (!document.hidden) await work();
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Problem)) throw error;
    } finally {
      window.setTimeout(() => void turn(), everyMs);
    }
  };
  window.setTimeout(() => void turn(), everyMs);
}

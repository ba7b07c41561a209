/** What a crew can pick without typing: causes with the parts that mend them, reasons, and times. Pure. */

import type { CityClock } from "../city/clock";
import type { Fault } from "../city/types";

const DAY_MS = 86_400_000;
const MORNING_MS = 6 * 3_600_000;

/** Causes by the kind of fault they go with; the first ones are the most likely. */
const LAMP_CAUSES = [
  "lamp",
  "driver",
  "fuse",
  "connection",
  "photocell",
  "controller",
  "vandalism",
  "no_cause",
] as const;
const CIRCUIT_CAUSES = ["breaker", "cable", "theft", "connection", "short_circuit", "vandalism", "no_cause"] as const;
const CABINET_CAUSES = ["main_fuse", "breaker", "contactor", "utility", "lock", "theft", "no_cause"] as const;
const SIGNAL_CAUSES = ["data_wire", "meter", "controller", "modem", "power_supply", "no_cause"] as const;
export type Cause =
  | (typeof LAMP_CAUSES)[number]
  | (typeof CIRCUIT_CAUSES)[number]
  | (typeof CABINET_CAUSES)[number]
  | (typeof SIGNAL_CAUSES)[number];

const SIGNAL = new Set(["communicationFailure", "meterFailure", "busFailure", "controllerOffline"]);

/** The causes that a fault can have. */
export function causesOf(fault: Pick<Fault, "code" | "level">): readonly Cause[] {
  if (SIGNAL.has(fault.code) || fault.level === "controller") return SIGNAL_CAUSES;
  if (fault.level === "circuit") return CIRCUIT_CAUSES;
  return fault.level === "cabinet" ? CABINET_CAUSES : LAMP_CAUSES;
}

/** Causes whose part has the lamp's rating in its name. */
const RATED = new Set<string>(["lamp", "driver"]);
const NO_PART = new Set<string>(["connection", "vandalism", "no_cause", "utility", "short_circuit"]);

/** The rated power in watts that a part has to have, null = none or not known. */
export function ratingOf(cause: string, fault: Pick<Fault, "evidence">): number | null {
  const rated = fault.evidence.rated_power_w ?? fault.evidence.expected_power_w;
  return RATED.has(cause) && typeof rated === "number" && rated > 0 ? Math.round(rated) : null;
}

/** The ratings of the lamps to bring and how many of each, the largest first; what a circuit draws is none. */
export function ratingsOf(faults: readonly Pick<Fault, "level" | "evidence">[]): [watts: number, count: number][] {
  const n = new Map<number, number>();
  for (const { level, evidence } of faults) {
    const rated = evidence.rated_power_w ?? evidence.expected_power_w;
    if (level === "lamp" && typeof rated === "number" && rated > 0)
      n.set(Math.round(rated), (n.get(Math.round(rated)) ?? 0) + 1);
  }
  return [...n].sort(([a], [b]) => b - a);
}

/** Whether a part is usually replaced for a cause. */
export function hasPart(cause: string): boolean {
  return cause !== "" && !NO_PART.has(cause);
}

/** Why something cannot be repaired now. */
export const WHY = ["no_part", "no_lift", "traffic", "utility", "rain", "unsafe", "locked"] as const;
/** Until when, in days from now. */
export const UNTIL_DAYS = [1, 3, 7, 30] as const;

/** Morning (6:00 in the city) so many days after the city's today, as ISO 8601: the phone's own clock may be a day off. */
export function morningAfter(clock: Pick<CityClock, "nowMs" | "isoDay" | "startOfDay">, days: number): string {
  const day = clock.isoDay(clock.nowMs() + days * DAY_MS);
  return new Date(Date.parse(clock.startOfDay(day)) + MORNING_MS).toISOString();
}

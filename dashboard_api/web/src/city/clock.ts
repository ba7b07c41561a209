/** The city's clock: its zone, and its "now", which a replayed or simulated night sets apart from the reader's desk. */

import { numberFormat, timeFormat } from "./formats";
import type { City } from "./types";

export class CityClock {
  #aheadMs = 0;
  #timezone = "UTC";

  /** Take the city's zone, and its now as it was told at `toldAtMs` of this device's clock. */
  set(city: City, toldAtMs: number): void {
    this.#timezone = city.timezone;
    const toldMs = Date.parse(city.now);
    if (!Number.isNaN(toldMs)) this.#aheadMs = toldMs - toldAtMs;
  }

  /** What time it is in the city's data, in milliseconds since 1970. */
  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  #format(at: number, locale: string, options: Intl.DateTimeFormatOptions): string {
    if (Number.isNaN(at)) return "–"; // another version's server may leave a time out
    return timeFormat(locale, { timeZone: this.#timezone, hourCycle: "h23", ...options }).format(at);
  }

  /** Hours and minutes, e.g. 21:05 (in Indonesian 21.05). */
  time(atMs: number, locale: string): string {
    return this.#format(atMs, locale, { hour: "2-digit", minute: "2-digit" });
  }

  /** Weekday and date, e.g. Monday 23 November. */
  day(atMs: number, locale: string): string {
    return this.#format(atMs, locale, { weekday: "long", day: "numeric", month: "long" });
  }

  /** Day and month, e.g. 23 Nov. */
  shortDay(atMs: number, locale: string): string {
    return this.#format(atMs, locale, { day: "numeric", month: "short" });
  }

  /** Day, month and time, for a timeline. */
  moment(atMs: number, locale: string): string {
    return this.#format(atMs, locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  }

  /** The city's day as a date field has it, e.g. 2026-11-23. */
  isoDay(atMs: number): string {
    return this.#format(atMs, "en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });
  }

  /** When a day such as 2026-11-23 begins in the city, ISO 8601 in UTC. */
  startOfDay(day: string): string {
    const midnightMs = Date.parse(`${day}T00:00:00Z`);
    const written = timeFormat("en-US", { timeZone: this.#timezone, timeZoneName: "longOffset" });
    const name = written.formatToParts(midnightMs).find((part) => part.type === "timeZoneName")?.value ?? "";
    const [, sign = "+", hours = "0", minutes = "0"] = /GMT([+-])(\d+):(\d+)/.exec(name) ?? [];
    const aheadMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
    return new Date(midnightMs - aheadMs).toISOString();
  }

  /** The zone's short name, e.g. WIB. */
  zone(): string {
    // Indonesian names the three zones of Indonesia (WIB, WITA, WIT), which everybody there knows; English does not
    const parts = timeFormat("id-ID", { timeZone: this.#timezone, timeZoneName: "short" });
    return parts.formatToParts(this.nowMs()).find((part) => part.type === "timeZoneName")?.value ?? "";
  }

  get timezone(): string {
    return this.#timezone;
  }
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long something has lasted, in one unit: "3 hours", "12 minutes"; below a minute "1 minute". */
export function lasting(seconds: number, locale: string, unitDisplay: "long" | "short" = "long"): string {
  if (Number.isNaN(seconds)) return "–";
  const [unit, length] = STEPS.find(([, length]) => seconds >= length) ?? (["minute", 60] as const);
  const style = { style: "unit", unit, unitDisplay } as const;
  return numberFormat(locale, style).format(Math.max(1, Math.floor(seconds / length)));
}

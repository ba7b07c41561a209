/** The city's clock: its zone, and its "now", which a replayed or simulated night sets apart from the reader's desk. */

import type { City, Language } from "./types";

export class CityClock {
  #aheadMs = 0;
  #timezone = "UTC";

  set(city: City): void {
    this.#timezone = city.timezone;
    this.#aheadMs = Date.parse(city.now) - Date.now();
  }

  /** What time it is in the city's data, in milliseconds since 1970. */
  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  #format(at: number, language: Language, options: Intl.DateTimeFormatOptions): string {
    const locale = language === "id" ? "id-ID" : "en-GB";
    return new Intl.DateTimeFormat(locale, { timeZone: this.#timezone, hourCycle: "h23", ...options }).format(at);
  }

  /** Hours and minutes, e.g. 21:05 (in Indonesian 21.05). */
  time(atMs: number, language: Language): string {
    return this.#format(atMs, language, { hour: "2-digit", minute: "2-digit" });
  }

  /** Weekday and date, e.g. Monday 23 November. */
  day(atMs: number, language: Language): string {
    return this.#format(atMs, language, { weekday: "long", day: "numeric", month: "long" });
  }

  /** Day, month and time, for a timeline. */
  moment(atMs: number, language: Language): string {
    return this.#format(atMs, language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  }

  /** The zone's short name, e.g. WIB. */
  zone(): string {
    // Indonesian names the three zones of Indonesia (WIB, WITA, WIT), which everybody there knows; English does not
    const parts = new Intl.DateTimeFormat("id-ID", { timeZone: this.#timezone, timeZoneName: "short" });
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
export function lasting(seconds: number, language: Language): string {
  const [unit, length] = STEPS.find(([, length]) => seconds >= length) ?? (["minute", 60] as const);
  const style = { style: "unit", unit, unitDisplay: "long" } as const;
  return new Intl.NumberFormat(language, style).format(Math.max(1, Math.floor(seconds / length)));
}

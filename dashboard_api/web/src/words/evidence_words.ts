/** Puts a fault's evidence into words: measured beside expected, figures with their units, keys a page does not know as they are. */

import { lasting, type CityClock } from "../city/clock";
import type { TimelineEntry } from "../city/types";
import type { Words } from "./words";

export interface EvidenceLine {
  label: string;
  value: string;
}

/** A part of the priority: a code with its parameters. */
interface Reason {
  points?: number;
  why?: unknown;
  n?: number;
  hours?: number;
  [parameter: string]: unknown;
}

const ASIDE = new Set(["priority"]); // told in a place of its own
const STATUS_BITS = 5;

/** What a code is about: the measured quantity, and the one it is held against. Others are about power. */
const ABOUT: Record<string, readonly [measured: string, expected?: string]> = {
  highTemperature: ["temperature_c"],
  powerFactorTooLow: ["power_factor"],
  supplyVoltageTooLow: ["voltage_v", "limit_v"],
  supplyVoltageTooHigh: ["voltage_v", "limit_v"],
  cyclingFailure: ["changes"],
  unmeteredLoad: ["unmetered_power_w", "limit_w"],
  circuitPowerTooLow: ["lamps_dark"],
  circuitFailure: ["lamps_silent"],
  cableFailure: ["lamps_silent"],
  busFailure: ["lamps_silent"],
  communicationFailure: ["silent_s"],
  controllerOffline: ["silent_s"],
};
const ABOUT_POWER = ["power_w", "expected_power_w"] as const;

export class EvidenceWords {
  readonly #words: Words;
  readonly #clock: CityClock;

  constructor(words: Words, clock: CityClock) {
    this.#words = words;
    this.#clock = clock;
  }

  /** One sentence that says the most: measured beside expected, or beside its limit, where both are known. */
  sentence(code: string, evidence: Record<string, unknown>): string {
    const [measured, other] = ABOUT[code] ?? ABOUT_POWER;
    const is = evidence[measured];
    if (typeof is !== "number") return "";
    const should = other === undefined ? undefined : evidence[other];
    if (other?.startsWith("expected") && typeof should === "number") {
      const filling = { measured: this.#value(measured, is), expected: this.#value(other, should) };
      return this.#words.find("evidence.sentence.expected", filling) ?? "";
    }
    const parts = [`${this.label(measured)}: ${this.#value(measured, is)}`];
    for (const key of [other, "load"])
      if (key !== undefined && evidence[key] !== undefined)
        parts.push(`${this.label(key).toLowerCase()} ${this.#value(key, evidence[key])}`);
    return `${parts.join(", ")}.`;
  }

  /** Every figure of the evidence as a line. */
  lines(evidence: Record<string, unknown>): EvidenceLine[] {
    return Object.entries(evidence)
      .filter(([key, value]) => !ASIDE.has(key) && value !== null && value !== undefined)
      .map(([key, value]) => ({ label: this.label(key), value: this.#value(key, value) }));
  }

  /** Why the priority is what it is: each part with its share of the points. */
  priority(evidence: Record<string, unknown>): EvidenceLine[] {
    const parts = evidence.priority;
    if (typeof parts === "string") return [{ label: "", value: parts }];
    if (typeof parts !== "object" || parts === null) return [];
    return Object.entries(parts as Record<string, unknown>)
      .map(([key, reason]) => ({ key, reason: reason as Reason }))
      .filter(({ reason }) => reason.points !== 0)
      .map(({ key, reason }) => ({
        label: this.#words.find(`priority.${key}`) ?? spaced(key),
        value: this.#reason(key, reason),
      }));
  }

  /** `+30 · 4 consecutive lamps dark`, `+14 · 26`. */
  #reason(key: string, reason: Reason): string {
    if (typeof reason !== "object") return this.#value(key, reason);
    const parts = [`+${reason.points ?? 0}`];
    if (typeof reason.why === "string") parts.push(this.#why(reason.why, reason));
    else if (reason.n !== undefined) parts.push(String(reason.n));
    if (reason.hours !== undefined) parts.push(this.#why("hours", reason));
    return parts.join(" · ");
  }

  /** A reason's code in words, its parameters filled in; one that the catalogue does not know as it is. */
  #why(code: string, parameters: Reason): string {
    const filling: Record<string, string> = {};
    for (const [name, value] of Object.entries(parameters))
      if (typeof value === "number")
        filling[name] = name === "share" ? this.#words.percent(value) : this.#words.figure(value);
    return this.#words.find(`priority.why.${code.toLowerCase()}`, filling) ?? code;
  }

  /** A timeline's note: telemetry's reason in the reader's language, a person's as it was written. */
  note(entry: Pick<TimelineEntry, "reason" | "note">): string {
    const reason = entry.reason === null ? undefined : this.#words.find(`timeline.${entry.reason}`);
    return reason ?? entry.note ?? "";
  }

  label(key: string): string {
    return this.#words.find(`evidence.${key}`) ?? spaced(key);
  }

  #figure(value: number, unit: string): string {
    const digits = Math.abs(value) < 10 ? 2 : 1;
    return `${this.#words.figure(value, digits)}${unit ? `\u00a0${unit}` : ""}`;
  }

  #value(key: string, value: unknown): string {
    const { locale } = this.#words;
    const isCode = typeof value === "string" || typeof value === "number";
    const word = isCode ? this.#words.find(`evidence.${key}.${String(value)}`) : undefined;
    if (word) return word;
    if (value === null) return "–";
    if (typeof value === "boolean") return this.#words.find(value ? "answer.yes" : "answer.no") ?? String(value);
    if (typeof value === "number" && key === "status") return this.#status(value);
    if (typeof value === "number" && key.endsWith("_s") && value >= 120) return lasting(value, locale);
    if (typeof value === "number") return this.#figure(value, unitOf(key));
    if (typeof value === "string") return isTime(value) ? this.#clock.moment(Date.parse(value), locale) : value;
    if (Array.isArray(value)) return value.map((each) => this.#value(key, each)).join(", ");
    if (typeof value === "object")
      return Object.entries(value as Record<string, unknown>)
        .map(([name, each]) => `${this.label(name)} ${this.#value(name, each)}`)
        .join(", ");
    return JSON.stringify(value);
  }

  /** The lamp node's status bits, lowest first; what is not set is not told. */
  #status(bits: number): string {
    const told = Array.from({ length: STATUS_BITS }, (_, bit) => bit)
      .filter((bit) => (bits >> bit) & 1)
      .map((bit) => this.#words.find(`evidence.status.bit_${bit}`) ?? String(bit));
    return told.join(", ") || "–";
  }
}

/** `load_before_w` → "Load before". */
function spaced(key: string): string {
  const text = key.replace(/_(w|v|a|s|c|h|pct)$/, "").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The unit that a key's ending names. */
function unitOf(key: string): string {
  if (key === "level") return "%";
  const units: Record<string, string> = { w: "W", v: "V", a: "A", s: "s", h: "h", c: "°C", pct: "%" };
  return units[/_(w|v|a|s|c|h|pct)$/.exec(key)?.[1] ?? ""] ?? "";
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text));
}

/** Puts a fault's evidence into words: measured beside expected, figures with their units, keys a page does not know as they are. */

import { lasting, type CityClock } from "../city/clock";
import type { Language } from "../city/types";
import { ABOUT, ABOUT_POWER, LABELS, NOTES_ID, PRIORITY, STATUS_BITS, VALUES, WHY_ID } from "./evidence_terms";
import type { Words } from "./words";

export interface EvidenceLine {
  label: string;
  value: string;
}

const ASIDE = new Set(["priority"]); // told in a place of its own

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
      const [a, b] = [this.#value(measured, is), this.#value(other, should)];
      return this.#index === 0 ? `Terukur ${a}, diharapkan ${b}.` : `Measured ${a}, expected ${b}.`;
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
      .map(([key, reason]) => ({
        key,
        reason: reason as { points?: number; why?: unknown; n?: number; hours?: number },
      }))
      .filter(({ reason }) => reason.points !== 0)
      .map(({ key, reason }) => ({
        label: PRIORITY[key]?.[this.#index] ?? spaced(key),
        value: this.#reason(key, reason),
      }));
  }

  /** `+30 · live parts within reach`, `+14 · 26`. */
  #reason(key: string, reason: { points?: number; why?: unknown; n?: number; hours?: number }): string {
    if (typeof reason !== "object") return this.#value(key, reason);
    const parts = [`+${reason.points ?? 0}`];
    if (typeof reason.why === "string") parts.push(this.#why(reason.why));
    if (reason.n !== undefined) parts.push(String(reason.n));
    if (reason.hours !== undefined) parts.push(this.#figure(reason.hours, this.#index === 0 ? "jam" : "h"));
    return parts.join(" · ");
  }

  #why(text: string): string {
    const known = this.#index === 0 ? WHY_ID.find(([english]) => english.test(text)) : undefined;
    return known ? text.replace(...known) : text;
  }

  /** A timeline's note: telemetry's in the reader's language, a person's as it was written. */
  note(actor: string, note: string): string {
    return actor === "telemetry" && this.#index === 0 ? (NOTES_ID[note] ?? note) : note;
  }

  label(key: string): string {
    return LABELS[key]?.[this.#index] ?? spaced(key);
  }

  get #index(): 0 | 1 {
    return this.#words.language === "id" ? 0 : 1;
  }

  #figure(value: number, unit: string): string {
    const digits = Math.abs(value) < 10 ? 2 : 1;
    return `${this.#words.figure(value, digits)}${unit ? `\u00a0${unit}` : ""}`;
  }

  #value(key: string, value: unknown): string {
    const language: Language = this.#words.language;
    const word = typeof value === "string" || typeof value === "number" ? VALUES[`${key} ${String(value)}`] : undefined;
    if (word) return word[this.#index];
    if (value === null) return "–";
    if (typeof value === "boolean") return [value ? "ya" : "tidak", value ? "yes" : "no"][this.#index] ?? "";
    if (typeof value === "number" && key === "status") return this.#status(value);
    if (typeof value === "number" && key.endsWith("_s") && value >= 120) return lasting(value, language);
    if (typeof value === "number") return this.#figure(value, LABELS[key]?.[2] ?? unitOf(key));
    if (typeof value === "string") return isTime(value) ? this.#clock.moment(Date.parse(value), language) : value;
    if (Array.isArray(value)) return value.map((each) => this.#value(key, each)).join(", ");
    if (typeof value === "object")
      return Object.entries(value as Record<string, unknown>)
        .map(([name, each]) => `${this.label(name)} ${this.#value(name, each)}`)
        .join(", ");
    return JSON.stringify(value);
  }

  #status(bits: number): string {
    const told = STATUS_BITS.filter((_, bit) => (bits >> bit) & 1).map((word) => word[this.#index]);
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
  const units: Record<string, string> = { w: "W", v: "V", a: "A", s: "s", h: "h", c: "°C", pct: "%" };
  return units[/_(w|v|a|s|c|h|pct)$/.exec(key)?.[1] ?? ""] ?? "";
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text));
}

/** Puts a fault's evidence into words: measured beside expected, figures with their units, keys a page does not know as they are. */

import type { CityClock } from "../city/clock";
import type { Language } from "../city/types";
import type { Words } from "./words";

export interface EvidenceLine {
  label: string;
  value: string;
}

type Label = readonly [id: string, en: string, unit?: string];

const LABELS: Record<string, Label> = {
  power_w: ["Daya terukur", "Power measured", "W"],
  expected_power_w: ["Daya yang diharapkan", "Power expected", "W"],
  rated_power_w: ["Daya nominal", "Rated power", "W"],
  baseline_power_w: ["Daya biasanya", "Usual power", "W"],
  load_w: ["Beban terukur", "Load measured", "W"],
  expected_load_w: ["Beban yang diharapkan", "Load expected", "W"],
  load_drop_w: ["Beban hilang", "Load lost", "W"],
  missing_power_w: ["Daya yang hilang", "Power missing", "W"],
  unexplained_w: ["Beban tanpa penjelasan", "Load unexplained", "W"],
  voltage_v: ["Tegangan terukur", "Voltage measured", "V"],
  current_a: ["Arus terukur", "Current measured", "A"],
  power_factor: ["Faktor daya terukur", "Power factor measured", ""],
  limit_power_factor: ["Batas faktor daya", "Power factor limit", ""],
  temperature_c: ["Suhu terukur", "Temperature measured", "°C"],
  level: ["Tingkat redup", "Dim level", "%"],
  samples: ["Pembacaan yang memastikan", "Readings that confirm it", ""],
  since: ["Mulai", "Onset"],
  phase: ["Fasa", "Phase"],
  lamps_dark: ["Perkiraan lampu mati", "Lamps dark, estimated", ""],
  lamps_dark_low: ["Paling sedikit", "At least", ""],
  lamps_dark_high: ["Paling banyak", "At most", ""],
  n_lamps: ["Lampu yang terkena", "Lamps affected", ""],
  learned_power_w: ["Daya sehat lampu ini", "This lamp's own healthy power", "W"],
  expected_power_at_100_w: ["Daya pada 100 %", "Power at 100 %", "W"],
  changes: ["Hidup-mati dalam 2 jam", "On-off changes in 2 h", ""],
  kind: ["Cara gagal", "Way of failing"],
  status: ["Bit status", "Status bits", ""],
  reopened: ["Kali dibuka lagi", "Times reopened", ""],
  n_changes: ["Hidup-mati dalam 2 jam", "On-off changes in 2 h", ""],
  last_seen: ["Terakhir terdengar", "Last heard"],
  reason: ["Sebab", "Reason"],
  verified: ["Dibuktikan telemetri", "Proved by telemetry"],
  ambiguous: ["Tidak dapat dipastikan dari jauh", "Cannot be told apart from afar"],
  suspected_register_error: ["Kemungkinan data register salah", "The register is probably wrong"],
};

/** What a code is about: the measured quantity, and the one it is held against. Others are about power. */
const ABOUT: Record<string, readonly [measured: string, expected?: string]> = {
  highTemperature: ["temperature_c"],
  powerFactorTooLow: ["power_factor"],
  supplyVoltageTooLow: ["voltage_v"],
  supplyVoltageTooHigh: ["voltage_v"],
  cyclingFailure: ["changes"],
  circuitFailure: ["load_w", "expected_load_w"],
  cableFailure: ["load_w", "expected_load_w"],
};
const ABOUT_POWER = ["power_w", "expected_power_w"] as const;

const ASIDE = new Set(["priority"]); // told in a place of its own

export class EvidenceWords {
  readonly #words: Words;
  readonly #clock: CityClock;

  constructor(words: Words, clock: CityClock) {
    this.#words = words;
    this.#clock = clock;
  }

  /** One sentence that says it all where measured and expected are both known. */
  sentence(code: string, evidence: Record<string, unknown>): string {
    const [measured, expected] = ABOUT[code] ?? ABOUT_POWER;
    const is = evidence[measured];
    if (typeof is !== "number") return "";
    const unit = LABELS[measured]?.[2] ?? "";
    const should = expected === undefined ? undefined : evidence[expected];
    if (typeof should !== "number") return `${this.label(measured)}: ${this.#figure(is, unit)}.`;
    const [a, b] = [this.#figure(is, unit), this.#figure(should, unit)];
    return this.#words.language === "id" ? `Terukur ${a}, diharapkan ${b}.` : `Measured ${a}, expected ${b}.`;
  }

  /** Every figure of the evidence as a line. */
  lines(evidence: Record<string, unknown>): EvidenceLine[] {
    return Object.entries(evidence)
      .filter(([key, value]) => !ASIDE.has(key) && value !== null && value !== undefined && value !== false)
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
    if (typeof reason.why === "string") parts.push(this.#index === 0 ? (WHY_ID[reason.why] ?? reason.why) : reason.why);
    if (reason.n !== undefined) parts.push(String(reason.n));
    if (reason.hours !== undefined) parts.push(this.#figure(reason.hours, this.#index === 0 ? "jam" : "h"));
    return parts.join(" · ");
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
    if (value === true) return language === "id" ? "ya" : "yes";
    if (typeof value === "number") return this.#figure(value, LABELS[key]?.[2] ?? unitOf(key));
    if (typeof value === "string") return isTime(value) ? this.#clock.moment(Date.parse(value), language) : value;
    if (Array.isArray(value)) return value.map((each) => this.#value(key, each)).join(", ");
    if (typeof value === "object" && value !== null)
      return Object.entries(value)
        .map(([name, each]) => `${this.label(name)} ${this.#value(name, each)}`)
        .join(", ");
    return String(value);
  }
}

const PRIORITY: Record<string, readonly [string, string]> = {
  severity: ["Tingkat keparahan", "Severity"],
  danger: ["Bahaya", "Danger"],
  lamps: ["Banyaknya lampu", "Number of lamps"],
  adjacent: ["Lampu mati berderet", "Dark lamps in a row"],
  road_class: ["Kelas jalan", "Road class"],
  age: ["Lamanya", "How long"],
  reports: ["Laporan warga", "Citizens' reports"],
};

const WHY_ID: Record<string, string> = {
  "live parts within reach": "bagian bertegangan terjangkau",
  "a broken cable may be live or stolen": "kabel putus mungkin bertegangan atau dicuri",
  "every street of the cabinet is dark": "semua jalan dari panel ini gelap",
  "a whole circuit is dark": "satu sirkuit penuh gelap",
  "the cabinet does not switch": "panel tidak menyakelar",
  critical: "kritis",
  major: "berat",
  minor: "ringan",
  warning: "peringatan",
  unknown: "tak diketahui",
};

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

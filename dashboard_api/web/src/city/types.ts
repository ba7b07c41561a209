/** What the API answers, as far as this page reads it. Powers in W, voltages in V, positions in WGS 84 degrees. */

export type Severity = "critical" | "major" | "minor" | "warning";
export type FaultState = "open" | "acknowledged" | "assigned" | "repaired" | "closed";
export type Level = "lamp" | "circuit" | "cabinet" | "controller";
export type Action = "acknowledge" | "assign" | "repair" | "comment" | "reopen";
export type Language = "id" | "en";

export interface City {
  name: string;
  group: string;
  timezone: string;
  language: Language;
  bbox: [number, number, number, number] | null;
  now: string;
  version: string;
}

export interface TimelineEntry {
  at: string;
  actor: string;
  kind: string;
  state?: FaultState;
  note?: string | null;
  assignee?: string | null;
  data?: Record<string, unknown>;
}

export interface Fault {
  id: string;
  code: string;
  level: Level;
  severity: Severity;
  priority: number;
  state: FaultState;
  opened_at: string;
  updated_at: string;
  closed_at: string | null;
  lamp_id: string | null;
  lamp_ids: string[];
  cabinet_id: string | null;
  controller_id: string | null;
  bus: string | null;
  circuit: string | null;
  span: { after: string; before: string } | null;
  latitude: number | null;
  longitude: number | null;
  street: string | null;
  district: string | null;
  caused_by: string | null;
  version: number;
  evidence: Record<string, unknown>;
  advice: string | null;
  assignee?: string | null;
  verified?: boolean;
  timeline?: TimelineEntry[];
}

export interface FaultPage {
  items: Fault[];
  next_cursor: string | null;
}

export type LampState = "unknown" | "off" | "lit" | "dark";
/** The states in the order of their numbers in `/lamps/states`. */
export const LAMP_STATES: readonly LampState[] = ["unknown", "off", "lit", "dark"];

export interface LampProperties {
  lamp_id: string;
  cabinet_id: string | null;
  circuit: string | null;
  position: number | null;
  street: string | null;
  district: string | null;
  technology: string;
  rated_power_w: number | null;
  is_monitored: boolean;
  state: LampState;
  level: number | null;
  power_w: number | null;
  at: string | null;
}

export type LampFeature = GeoJSON.Feature<GeoJSON.Point, LampProperties>;
export type LampCollection = GeoJSON.FeatureCollection<GeoJSON.Point, LampProperties>;

export interface StatesAnswer {
  at: string;
  register_version?: number;
  lamp_id: string[];
  state: number[];
  level: (number | null)[];
}

export interface Cabinet {
  cabinet_id: string;
  name: string | null;
  latitude: number | null;
  longitude: number | null;
  district: string | null;
  controller_id: string | null;
  online: boolean | null;
}

export interface Code {
  code: string;
  level: Level;
  severity: Severity;
  title: Record<Language, string>;
  advice: Record<Language, string>;
}

/** A quantity of a lamp's readings: its column in them, its unit, and how its values over a time are summed up. */
export interface Quantity {
  name: string;
  unit: string;
  decimals: number;
  summary: "mean" | "highest" | "none";
  title: Record<Language, string>;
}

/** A live event: what happened to a fault, and the fault after it. */
export interface FaultEvent {
  id: number;
  kind: string;
  fault: Fault;
}

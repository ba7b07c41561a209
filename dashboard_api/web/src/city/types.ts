/** Short names for what the API answers; the types themselves are generated from its OpenAPI document (`make types`). */

import type { components } from "./api_types";

type Schemas = components["schemas"];

export type City = Schemas["City"];
export type OwnWords = Schemas["OwnWords"];
/** Title, accent and logo of a city's pages; an answer kept from an older server has only the name. */
export function lookOf(city: City): City["branding"] {
  return (city as Partial<City>).branding ?? { title: city.name, accent: null, logo: null };
}
export type Code = Schemas["CodeRow"];
export type CodeList = Schemas["CodeList"];
export type CabinetList = Schemas["CabinetList"];
export type Cabinet = Schemas["CabinetRow"];
export type TimelineEntry = Schemas["TimelineEntry"];
export type FaultPage = Schemas["FaultPage"];
/** A fault as lists and events tell it; `GET /faults/{id}` adds the timeline. */
export type Fault = Schemas["Fault"] & Partial<Pick<Schemas["FaultDetail"], "timeline">>;
/** A live event: what happened to a fault, and the fault after it. */
export type FaultEvent = Schemas["FaultEvent"];
export type Severity = Fault["severity"];
export type FaultState = Fault["state"];
export type Level = Fault["level"];
export type ActionRequest = Schemas["ActionRequest"];
export type Action = ActionRequest["action"];

export type LampAnswer = Schemas["Lamp"];
export type Readings = Schemas["Readings"];
export type LampChanges = Schemas["LampChanges"];
export type CabinetLamps = Schemas["CabinetLamps"];
export type CabinetAnswer = Schemas["Cabinet"];
export type Energy = Schemas["Energy"];
export type Command = Schemas["Command"];
export type MaintenanceWindow = Schemas["MaintenanceWindow"];
export type MaintenanceList = Schemas["MaintenanceList"];
export type SearchItem = Schemas["SearchItem"];
export type SearchAnswer = Schemas["SearchAnswer"];
export type Summary = Schemas["Summary"];
export type EnrolmentList = Schemas["EnrolmentList"];
export type EnrolmentRequest = Schemas["EnrolmentRequest"];
export type WaitingEnrolment = Schemas["WaitingEnrolment"];
export type CheckList = Schemas["CheckList"];
export type CheckItem = Schemas["CheckItem"];
export type CheckOutcome = Schemas["CheckResult"]["outcome"];
export type Me = Schemas["Me"];
export type LiveRoom = Schemas["LiveRoom"];
export type BriefFault = Schemas["BriefFault"];
export type DistrictFigures = Schemas["DistrictFigures"];

export type Quantity = Schemas["QuantityRow"];
export type QuantityList = Schemas["QuantityList"];

/** A lamp with what is needed to draw its circuit's cable and its street's name. */
export interface LampProperties {
  lamp_id: string;
  cabinet_id: string | null;
  circuit: string | null;
  position: number | null;
  street: string | null;
}
export type LampFeature = GeoJSON.Feature<GeoJSON.Point, LampProperties>;
export type LampCollection = GeoJSON.FeatureCollection<GeoJSON.Point, LampProperties>;

/** What a lamp does; a server of an older version says `unknown` of those that are silent or not metered. */
export type LampState = "lit" | "dark" | "off" | "silent" | "unmetered";
export const LAMP_STATES: readonly LampState[] = ["lit", "dark", "off", "silent", "unmetered"];

/** A state that a server reports; one that this page does not know counts as silent. */
export function lampState(reported: unknown): LampState {
  return LAMP_STATES.find((state) => state === reported) ?? "silent";
}

export type FaultDetail = Schemas["FaultDetail"];
export type Repair = Schemas["Repair"];
export type RepairPage = Schemas["RepairPage"];

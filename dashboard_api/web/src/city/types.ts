/** Short names for what the API answers; the types themselves are generated from its OpenAPI document (`make types`). */

import type { components } from "./api_types";

type Schemas = components["schemas"];

export type City = Schemas["City"];
export type Code = Schemas["CodeRow"];
export type CodeList = Schemas["CodeList"];
export type Me = Schemas["Me"];
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
export type LampProperties = Schemas["LampProperties"];
export type LampState = LampProperties["state"];
export type StatesAnswer = Schemas["LampStates"];
export type Readings = Schemas["Readings"];
// GeoJSON as the map library types it, with the API's properties
export type LampFeature = GeoJSON.Feature<GeoJSON.Point, LampProperties>;
export type LampCollection = GeoJSON.FeatureCollection<GeoJSON.Point, LampProperties>;

export type Quantity = Schemas["QuantityRow"];
export type QuantityList = Schemas["QuantityList"];

/** The states in the order of their numbers in `/lamps/states`. */
export const LAMP_STATES: readonly LampState[] = ["silent", "off", "lit", "dark", "unmetered"];

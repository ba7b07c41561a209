/** Cables and street names of the cabinets that are looked at, asked for one by one and kept. */

import { get, isExpected } from "../city/api";
import type { CabinetLamps, Fault, LampFeature } from "../city/types";
import { cables, faultLines, placedLamps, streetNames } from "./geometry";

const AT_ONCE = 8; // cabinets of one view
const KEPT = 80; // cabinets, for a reader who comes back

export interface CabinetPlace {
  cabinet_id: string;
  longitude: number | null;
  latitude: number | null;
}

/** Reads a path of the API; raises Problem or Unreachable. */
export type Ask = <T>(path: string) => Promise<T>;
type Put = (source: string, data: GeoJSON.GeoJSON) => Promise<void>;

export class CabinetLines {
  readonly #put: Put;
  readonly #ask: Ask;
  readonly #kept: number;
  readonly #lamps = new Map<string, LampFeature[]>();
  readonly #places = new Map<string, CabinetPlace>();
  #fault: Fault | null = null;

  /** `kept`: cabinets whose lamps stay in memory, beside those in view. */
  constructor(put: Put, ask: Ask = get, kept = KEPT) {
    this.#put = put;
    this.#ask = ask;
    this.#kept = kept;
  }

  /** Draw the cabinets in view, and those that were in view before. */
  async show(near: readonly CabinetPlace[]): Promise<void> {
    const places = new Map(near.map((place) => [place.cabinet_id, place]));
    const wanted = [...places.values()].filter(({ cabinet_id }) => !this.#places.has(cabinet_id)).slice(0, AT_ONCE);
    if (wanted.length === 0) return;
    for (const place of wanted) this.#places.set(place.cabinet_id, place);
    await Promise.all(wanted.map(({ cabinet_id }) => this.#load(cabinet_id)));
    this.#forget(places);
    const features = [...this.#lamps.values()].flat();
    const lamps = { type: "FeatureCollection" as const, features };
    await Promise.all([
      this.#put("cables", cables(lamps, [...this.#places.values()])),
      this.#put("streets", streetNames(lamps)),
    ]);
  }

  /** Draw what a circuit's or cable's fault takes with it. */
  async showFault(fault: Fault | null): Promise<void> {
    this.#fault = fault;
    const cabinetId = fault?.level === "circuit" ? fault.cabinet_id : null;
    const lamps = cabinetId ? (this.#lamps.get(cabinetId) ?? (await this.#load(cabinetId))) : [];
    if (this.#fault !== fault) return; // another one was chosen meanwhile
    const byId = new Map(lamps.map((lamp) => [lamp.properties.lamp_id, lamp]));
    await this.#put("fault-lines", faultLines(fault && cabinetId ? [fault] : [], byId));
  }

  /** Those that have been there longest go, but for those in view: they would be asked for again at once. */
  #forget(inView: ReadonlyMap<string, unknown>): void {
    for (const id of [...this.#lamps.keys()]) {
      if (this.#lamps.size <= this.#kept) return;
      if (inView.has(id)) continue;
      this.#lamps.delete(id);
      this.#places.delete(id);
    }
  }

  async #load(cabinetId: string): Promise<LampFeature[]> {
    try {
      const answer = await this.#ask<CabinetLamps>(`/cabinets/${encodeURIComponent(cabinetId)}/lamps`);
      const lamps = placedLamps(answer);
      this.#lamps.set(cabinetId, lamps);
      return lamps;
    } catch (error) {
      if (isExpected(error)) this.#places.delete(cabinetId); // asked again when it is seen again
      return [];
    }
  }
}

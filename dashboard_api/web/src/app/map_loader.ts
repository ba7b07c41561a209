/** Brings the map once the list stands, and passes on to it what happens meanwhile. */

import type { Filter } from "../city/fault_store";
import type { City, Fault } from "../city/types";
import type { NightMap } from "../map/night_map";
import type { Page, Place } from "../panel/page";

const RETRY_MS = 10_000;

export class MapLoader {
  readonly #container: HTMLElement;
  readonly #page: Page;
  readonly #impossible: () => void;
  #map: NightMap | null = null;
  #isAsked = false;
  #covered = { top: 0, bottom: 0 };
  #selected: { place: Place; fault: Fault | undefined } | null = null;

  /** `impossible` is called where the browser cannot draw a map. */
  constructor(container: HTMLElement, page: Page, impossible: () => void) {
    this.#container = container;
    this.#page = page;
    this.#impossible = impossible;
  }

  /** The map, or null as long as it has not come. */
  get map(): NightMap | null {
    return this.#map;
  }

  async open(city: City, filter: Filter): Promise<void> {
    if (this.#isAsked) return;
    this.#isAsked = true;
    let chunk: typeof import("../map/night_map");
    try {
      chunk = await import("../map/night_map");
    } catch {
      window.setTimeout(() => {
        this.#isAsked = false;
        void this.open(city, filter);
      }, RETRY_MS);
      return;
    }
    try {
      this.#map = new chunk.NightMap(this.#container, city, this.#page);
    } catch {
      this.#impossible(); // no WebGL: the list is whole without it
      return;
    }
    this.#map.setCovered(this.#covered);
    this.#map.filterFaults(filter);
    if (this.#selected) this.#map.select(this.#selected.place, this.#selected.fault);
  }

  select(place: Place | null, fault?: Fault): void {
    this.#selected = place ? { place, fault } : null;
    this.#map?.select(place, fault);
  }

  setCovered(covered: { top: number; bottom: number }): void {
    this.#covered = covered;
    this.#map?.setCovered(covered);
  }
}

/** The wall's map: the same night as on the page, that nobody touches, travelling between the worst places. */

import "maplibre-gl/dist/maplibre-gl.css";
import { addProtocol, Map as MapLibreMap, setWorkerUrl, type CameraOptions, type GeoJSONSource } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { City, Fault } from "../city/types";
import { CabinetLines } from "../map/cabinet_lines";
import { districtNames } from "../map/geometry";
import { allSigns, cabinetImage, type Looks } from "../map/icons";
import { drawNamesOnDemand } from "../map/labels";
import { faultSign, LAMP_SOURCES, nightStyle } from "../map/layers";
import type { Line } from "./line";
import { read } from "./read";
import type { Stop } from "./stops";

setWorkerUrl(workerUrl);

const CLOSE_ZOOM = 15.6;
const LINES_FROM_ZOOM = 14;
const TRAVEL_MS = 7_000;
const TILES_KEPT = 12; // beside those in view: a wall runs for weeks
const CABINETS_KEPT = 8;
const BIGGER = 1.9; // signs and names, for eyes five metres away
const STREET = "name:street:";
const TILES = "wall://city"; // asked for over the wall's own line
const TILE_MS = 8_000;
const DEAD_MS = 90_000; // without a first picture, on a machine without a graphics card
const LOST_MS = 8_000;

export class WallMap {
  readonly #map: MapLibreMap;
  readonly #container: HTMLElement;
  readonly #lines: CabinetLines;
  readonly #bbox: [number, number, number, number] | null;
  readonly #isStill = window.matchMedia("(prefers-reduced-motion: reduce)");
  readonly #resize: () => void;
  #isLoaded = false;
  #isAway = false; // from the whole city
  #timer = 0;
  #waiting: (() => void)[] = [];

  /**
   * `line`: over which it asks the server. `onDead`: the map will draw no more, such as after a fault of the graphics
   * card. Raises an error where the browser cannot draw a map.
   */
  constructor(container: HTMLElement, city: City, looks: Looks, line: Line, onDead: () => void) {
    addProtocol("wall", async ({ url }) => {
      const { status, body } = await line.ask(url.slice(TILES.length), TILE_MS);
      if (status >= 400) throw new Error(`HTTP ${status}`);
      return { data: body };
    });
    this.#container = container;
    this.#bbox = city.bbox as [number, number, number, number] | null;
    const bigger = this.#size();
    this.#map = new MapLibreMap({
      container,
      style: nightStyle(TILES),
      attributionControl: false,
      interactive: false,
      maxPitch: 0,
      fadeDuration: 300,
      refreshExpiredTiles: false, // asked for when something has changed
      maxTileCacheSize: TILES_KEPT,
      pixelRatio: window.devicePixelRatio * bigger,
      center: [118, -2],
      zoom: 3.5,
    });
    this.#map.setPadding(this.#margins());
    this.#map.jumpTo(this.#wholeCity());
    const ratio = Math.max(2, Math.ceil(window.devicePixelRatio * bigger));
    this.#map.on("style.load", () => {
      for (const [name, image] of allSigns(ratio)) this.#map.addImage(name, image, { pixelRatio: ratio });
      for (const isOnline of [true, false])
        this.#map.addImage(`cabinet-${isOnline ? "online" : "offline"}`, cabinetImage(isOnline, ratio), {
          pixelRatio: ratio,
        });
      drawNamesOnDemand(this.#map, ratio);
      this.#map.setLayoutProperty("fault", "icon-image", faultSign(looks));
    });
    this.#lines = new CabinetLines(
      async (source, data) => {
        await this.#map.getSource<GeoJSONSource>(source)?.setData(data);
      },
      <T>(path: string) => read<T>(line, path),
      CABINETS_KEPT,
    );
    this.#watch(onDead);
    this.#map.once("load", () => {
      this.#isLoaded = true;
      for (const work of this.#waiting.splice(0)) work();
    });
    this.#map.on("idle", () => {
      this.#showLines();
    });
    this.#map.on("error", () => undefined); // a tile that did not come is asked again
    this.#whenLoaded(() => {
      void this.#map.getSource<GeoJSONSource>("districts")?.setData(districtNames(city));
    });
    this.#resize = () => {
      this.#map.setPixelRatio(window.devicePixelRatio * this.#size());
      this.#map.resize();
      this.#map.setPadding(this.#margins());
      if (!this.#isAway) this.#map.jumpTo(this.#wholeCity());
    };
    window.addEventListener("resize", this.#resize);
  }

  /** Tell when there is no picture, or none any more: a card that has reset itself gives it back at once, or never. */
  #watch(onDead: () => void): void {
    this.#timer = window.setTimeout(() => {
      if (!this.#isLoaded) onDead();
    }, DEAD_MS);
    this.#map.on("webglcontextlost", () => {
      this.#timer = window.setTimeout(onDead, LOST_MS);
    });
    this.#map.on("webglcontextrestored", () => {
      window.clearTimeout(this.#timer);
    });
  }

  remove(): void {
    window.clearTimeout(this.#timer);
    window.removeEventListener("resize", this.#resize);
    this.#map.remove();
  }

  /** Draw a small map and enlarge it: everything on it grows alike, and its pixels stay the screen's. */
  #size(): number {
    const bigger = Math.max(1, (window.innerHeight / 1080) * BIGGER);
    this.#container.style.setProperty("--bigger", String(bigger));
    return bigger;
  }

  /** What the board leaves free, so that the middle of the map is in the middle of what is seen. */
  #margins(): { top: number; bottom: number; left: number; right: number } {
    const { clientWidth: width, clientHeight: height } = this.#container;
    const percent = Math.min(width, (height * 16) / 9) / 100;
    return { top: 7 * percent, bottom: 18.5 * percent, left: 31 * percent, right: 33 * percent };
  }

  #wholeCity(): CameraOptions {
    return (this.#bbox && this.#map.cameraForBounds(this.#bbox, { padding: 12 })) ?? {};
  }

  #whenLoaded(work: () => void): void {
    if (this.#isLoaded) work();
    else if (this.#waiting.length < 20) this.#waiting.push(work);
  }

  /** Travel to a stop, or out to the whole city. */
  show(stop: Stop | null): void {
    this.#isAway = stop !== null;
    this.#whenLoaded(() => {
      const geometry = stop ? { type: "Point" as const, coordinates: stop.place } : null;
      const features = geometry ? [{ type: "Feature" as const, properties: {}, geometry }] : [];
      void this.#map.getSource<GeoJSONSource>("selected")?.setData({ type: "FeatureCollection", features });
      void this.#lines.showFault(null);
      if (!stop) this.#forgetNames();
      const view = stop ? { center: stop.place, zoom: CLOSE_ZOOM } : this.#wholeCity();
      if (this.#isStill.matches) this.#map.jumpTo(view);
      else this.#map.flyTo({ ...view, duration: TRAVEL_MS, curve: 1.2 });
    });
  }

  /** Draw what a circuit's or cable's fault takes with it. */
  showLines(fault: Fault): void {
    this.#whenLoaded(() => void this.#lines.showFault(fault));
  }

  /** Load the tiles anew: those that have not changed are answered in a few bytes. */
  refresh(): void {
    this.#whenLoaded(() => {
      for (const source of [...LAMP_SOURCES, "faults"]) this.#map.refreshTiles(source);
    });
  }

  /** Names of streets are drawn as they come into view; with the whole city in view none is. */
  #forgetNames(): void {
    for (const name of this.#map.listImages()) if (name.startsWith(STREET)) this.#map.removeImage(name);
  }

  #showLines(): void {
    if (this.#map.getZoom() < LINES_FROM_ZOOM || this.#map.getLayer("cabinet") === undefined) return;
    const near = this.#map.queryRenderedFeatures({ layers: ["cabinet"] }).map(({ properties, geometry }) => {
      const [longitude, latitude] = geometry.type === "Point" ? geometry.coordinates : [];
      return { cabinet_id: String(properties.cabinet_id), longitude: longitude ?? null, latitude: latitude ?? null };
    });
    void this.#lines.show(near);
  }
}

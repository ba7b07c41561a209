/** The map itself: shows the API's tiles and what is selected, and says what was touched. Owns MapLibre; nothing else imports it. */

import "maplibre-gl/dist/maplibre-gl.css";
import {
  Map as MapLibreMap,
  Marker,
  NavigationControl,
  Popup,
  ScaleControl,
  setWorkerUrl,
  type ExpressionSpecification,
  type GeoJSONSource,
  type PointLike,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { Filter } from "../city/fault_store";
import { lampState, type City, type Fault, type LampChanges } from "../city/types";
import type { Page, Place } from "../panel/page";
import { districtNames } from "./geometry";
import { CabinetLines } from "./cabinet_lines";
import { allSigns, cabinetImage, type Looks } from "./icons";
import { drawNamesOnDemand } from "./labels";
import { cabinetSign, faultSign, LAMP_SOURCES, nightStyle } from "./layers";

setWorkerUrl(workerUrl);

const FINGER_PX = 16;
const MOUSE_PX = 4;
const TOUCHABLE = { fault: "id", cabinet: "cabinet_id", lamp: "lamp_id" } as const;
const CLOSE_ZOOM = 16.2;
const TILES_AFTER_MS = 4_000; // changes of faults come in heaps
const LINES_FROM_ZOOM = 14;

type Kind = keyof typeof TOUCHABLE;

interface Hit {
  kind: Kind;
  id: string;
  place: [number, number];
  properties: Record<string, unknown>;
}

export class NightMap {
  readonly #map: MapLibreMap;
  readonly #page: Page;
  readonly #ready: Promise<void>;
  readonly #lines: CabinetLines;
  #tilesTimer = 0;

  /** Raises an error where the browser cannot draw it. */
  constructor(container: HTMLElement, city: City, page: Page) {
    this.#page = page;
    const bbox = city.bbox as [number, number, number, number] | null;
    const padding = container.clientWidth < 900 ? 14 : 36;
    this.#map = new MapLibreMap({
      container,
      style: nightStyle(location.origin),
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      maxPitch: 0,
      maxZoom: 19.5,
      fadeDuration: 150,
      refreshExpiredTiles: false, // changes are asked for; tiles would be asked for every two seconds
      ...(bbox ? { bounds: bbox, fitBoundsOptions: { padding } } : { center: [118, -2], zoom: 3.5 }),
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.addControl(new NavigationControl({ showCompass: false }), "bottom-left");
    this.#map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
    this.#lines = new CabinetLines(async (source, data) => this.#put(source, data));
    const ratio = Math.max(2, Math.ceil(window.devicePixelRatio));
    this.#map.on("style.load", () => {
      for (const [name, image] of allSigns(ratio)) this.#map.addImage(name, image, { pixelRatio: ratio });
      for (const isOnline of [true, false])
        this.#map.addImage(`cabinet-${isOnline ? "online" : "offline"}`, cabinetImage(isOnline, ratio), {
          pixelRatio: ratio,
        });
      drawNamesOnDemand(this.#map, ratio);
    });
    this.#ready = new Promise((resolve) => {
      this.#map.once("load", () => {
        resolve();
      });
    });
    this.#listen();
    this.showLooks(page.looks);
    void this.#put("districts", districtNames(city));
  }

  #listen(): void {
    this.#map.on("click", (event) => {
      const { originalEvent } = event;
      const hit = this.#hit(event.point, originalEvent instanceof PointerEvent ? originalEvent.pointerType : "mouse");
      if (hit) this.#page.go({ view: hit.kind, id: hit.id });
    });
    const popup = new Popup({ closeButton: false, closeOnClick: false, offset: 14, className: "hint" });
    this.#map.on("mousemove", (event) => {
      const hit = this.#hit(event.point, "mouse");
      this.#map.getCanvas().style.cursor = hit ? "pointer" : "";
      if (!hit) popup.remove();
      else popup.setLngLat(hit.place).setText(this.#describe(hit)).addTo(this.#map);
    });
    this.#map.on("mouseout", () => popup.remove());
    this.#map.on("idle", () => {
      this.#showLines();
    });
    this.#map.on("error", () => undefined); // a tile that did not come is asked again when the map moves
  }

  /** One line about what lies under the pointer. */
  #describe({ kind, id, properties }: Hit): string {
    const { words } = this.#page;
    if (kind === "cabinet")
      return `${words.say("cabinet")} ${typeof properties.name === "string" ? properties.name : id}`;
    if (kind === "fault") return words.title(String(properties.code));
    return [id, words.say(lampState(properties.state))].join(" · ");
  }

  #hit({ x, y }: { x: number; y: number }, pointer: string): Hit | null {
    const reach = pointer === "mouse" ? MOUSE_PX : FINGER_PX;
    const box: [PointLike, PointLike] = [
      [x - reach, y - reach],
      [x + reach, y + reach],
    ];
    for (const kind of ["fault", "cabinet", "lamp"] as const) {
      if (this.#map.getLayer(kind) === undefined) continue;
      const layers = kind === "lamp" ? ["lamp", "lamp-far"] : [kind];
      const found = this.#map.queryRenderedFeatures(box, { layers })[0];
      if (found?.geometry.type !== "Point") continue;
      const place = found.geometry.coordinates as [number, number];
      const properties = { ...found.properties, ...found.state };
      return { kind, id: String(found.properties[TOUCHABLE[kind]]), place, properties };
    }
    return null;
  }

  async #put(source: string, data: GeoJSON.GeoJSON): Promise<void> {
    await this.#ready;
    await this.#map.getSource<GeoJSONSource>(source)?.setData(data);
  }

  /** Cables and street names of the cabinets in view, where the map is near enough to show them. */
  #showLines(): void {
    if (this.#map.getZoom() < LINES_FROM_ZOOM || this.#map.getLayer("cabinet") === undefined) return;
    const near = this.#map.queryRenderedFeatures({ layers: ["cabinet"] }).map(({ properties, geometry }) => {
      const [longitude, latitude] = geometry.type === "Point" ? geometry.coordinates : [];
      return { cabinet_id: String(properties.cabinet_id), longitude: longitude ?? null, latitude: latitude ?? null };
    });
    void this.#lines.show(near);
  }

  /** Let the lamps whose state changed glow, or cease to; load the tiles anew where too many did. */
  showChanges(changes: LampChanges): void {
    void this.#ready.then(() => {
      if (changes.reload) {
        for (const source of LAMP_SOURCES) {
          this.#map.removeFeatureState({ source, sourceLayer: "lamps" });
          this.#map.refreshTiles(source);
        }
        return;
      }
      changes.row.forEach((id, n) => {
        const now = { state: changes.state[n], level: changes.level[n] ?? 100 };
        for (const source of LAMP_SOURCES) this.#map.setFeatureState({ source, sourceLayer: "lamps", id }, now);
      });
    });
  }

  /** Load the faults' tiles anew, soon: those that have not changed come from the browser's cache. */
  refreshFaults(): void {
    if (this.#tilesTimer) return;
    this.#tilesTimer = window.setTimeout(() => {
      this.#tilesTimer = 0;
      void this.#ready.then(() => {
        this.#map.refreshTiles("faults");
      });
    }, TILES_AFTER_MS);
  }

  /** Draw the faults' signs as the catalogue of codes has them. */
  showLooks(looks: Looks): void {
    void this.#ready.then(() => {
      this.#map.setLayoutProperty("fault", "icon-image", faultSign(looks));
    });
  }

  /** Cross out the cabinets whose controllers are not heard. */
  showOffline(controllers: ReadonlySet<string>): void {
    void this.#ready.then(() => {
      this.#map.setLayoutProperty("cabinet", "icon-image", cabinetSign([...controllers]));
    });
  }

  /** Show the faults that the list's filter asks for, as far as the tiles tell. */
  filterFaults(filter: Filter): void {
    const wanted: ExpressionSpecification[] = [];
    for (const name of ["severity", "code", "state"] as const)
      if (filter[name]) wanted.push(["==", ["get", name], filter[name]]);
    void this.#ready.then(() => {
      this.#map.setFilter("fault", wanted.length > 0 ? ["all", ...wanted] : null);
    });
  }

  /** Ring one place, or none, and go there; of a circuit's fault, draw what it takes with it. */
  select(place: Place | null, fault?: Fault): void {
    const geometry = place ? { type: "Point" as const, coordinates: [...place] } : null;
    const features = geometry ? [{ type: "Feature" as const, properties: {}, geometry }] : [];
    void this.#put("selected", { type: "FeatureCollection", features });
    void this.#lines.showFault(fault ?? null);
    if (!place) return;
    this.#map.easeTo({ center: [...place], zoom: Math.max(this.#map.getZoom(), CLOSE_ZOOM), duration: 900 });
  }

  /** A ring that spreads and fades where something has just happened. */
  pulse(place: [number, number], colour: string): void {
    const ring = document.createElement("div");
    ring.className = "pulse";
    ring.setAttribute("aria-hidden", "true");
    ring.style.setProperty("--colour", colour);
    const marker = new Marker({ element: ring }).setLngLat(place).addTo(this.#map);
    window.setTimeout(() => marker.remove(), 8_000);
  }

  /** How much of the map's edges other things cover, in CSS pixels. */
  setCovered(covered: { top: number; bottom: number }): void {
    this.#map.setPadding({ top: covered.top, bottom: covered.bottom, left: 0, right: 0 });
  }
}

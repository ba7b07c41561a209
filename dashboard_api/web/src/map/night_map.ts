/** The map itself: takes what the city reports, shows it, and says what was touched. Owns MapLibre; nothing else imports it. */

import "maplibre-gl/dist/maplibre-gl.css";
import {
  Map as MapLibreMap,
  Marker,
  NavigationControl,
  Popup,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type LngLatBoundsLike,
  type PointLike,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import type { LampNow } from "../city/lamp_states";
import type { Cabinet, Fault, LampCollection, LampFeature } from "../city/types";
import { h } from "../dom";
import { cables, districtNames, faultLines, faultPoints, streetNames } from "./geometry";
import { allSigns, cabinetImage, iconName } from "./icons";
import { drawNamesOnDemand } from "./labels";
import { nightStyle } from "./layers";

setWorkerUrl(workerUrl);

export interface MapListener {
  onFault: (id: string) => void;
  onLamp: (id: string) => void;
  onCabinet: (id: string) => void;
  /** One line about what lies under the pointer. */
  describe(kind: "fault" | "lamp" | "cabinet", id: string): string;
}

const FINGER_PX = 16;
const MOUSE_PX = 4;
const TOUCHABLE = { fault: "id", cabinet: "cabinet_id", lamp: "lamp_id" } as const;
const CLOSE_ZOOM = 16.2;

export class NightMap {
  readonly #map: MapLibreMap;
  readonly #ready: Promise<void>;
  readonly #lamps = new Map<string, LampFeature>();
  readonly #listener: MapListener;
  #bounds: LngLatBoundsLike | null = null;

  constructor(container: HTMLElement, listener: MapListener) {
    this.#listener = listener;
    this.#map = new MapLibreMap({
      container,
      style: nightStyle(),
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      maxPitch: 0,
      maxZoom: 19.5,
      fadeDuration: 150,
      center: [118, -2],
      zoom: 3.5,
    });
    this.#map.touchZoomRotate.disableRotation();
    this.#map.addControl(new NavigationControl({ showCompass: false }), "bottom-left");
    this.#map.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
    this.#ready = new Promise((resolve) => {
      this.#map.once("load", () => {
        const ratio = Math.max(2, Math.ceil(window.devicePixelRatio));
        for (const [name, image] of allSigns(ratio)) this.#map.addImage(name, image, { pixelRatio: ratio });
        for (const online of [true, false])
          this.#map.addImage(`cabinet-${online ? "online" : "offline"}`, cabinetImage(online, ratio), {
            pixelRatio: ratio,
          });
        drawNamesOnDemand(this.#map, ratio);
        resolve();
      });
    });
    this.#listen();
  }

  #listen(): void {
    this.#map.on("click", (event) => {
      const hit = this.#hit(
        event.point,
        event.originalEvent instanceof PointerEvent ? event.originalEvent.pointerType : "mouse",
      );
      if (hit?.kind === "fault") this.#listener.onFault(hit.id);
      else if (hit?.kind === "cabinet") this.#listener.onCabinet(hit.id);
      else if (hit) this.#listener.onLamp(hit.id);
    });
    const popup = new Popup({ closeButton: false, closeOnClick: false, offset: 14, className: "hint" });
    this.#map.on("mousemove", (event) => {
      const hit = this.#hit(event.point, "mouse");
      this.#map.getCanvas().style.cursor = hit ? "pointer" : "";
      if (!hit) popup.remove();
      else
        popup
          .setLngLat(hit.place)
          .setDOMContent(h("span", {}, this.#listener.describe(hit.kind, hit.id)))
          .addTo(this.#map);
    });
    this.#map.on("mouseout", () => popup.remove());
  }

  #hit({ x, y }: { x: number; y: number }, pointer: string) {
    const reach = pointer === "mouse" ? MOUSE_PX : FINGER_PX;
    const box: [PointLike, PointLike] = [
      [x - reach, y - reach],
      [x + reach, y + reach],
    ];
    for (const kind of ["fault", "cabinet", "lamp"] as const) {
      const found =
        this.#map.getLayer(kind) === undefined
          ? undefined
          : this.#map.queryRenderedFeatures(box, { layers: [kind] })[0];
      if (found?.geometry.type !== "Point") continue;
      const place = found.geometry.coordinates as [number, number];
      return { kind, id: String(found.properties[TOUCHABLE[kind]]), place };
    }
    return null;
  }

  async #put(source: string, data: GeoJSON.GeoJSON): Promise<void> {
    await this.#ready;
    await this.#map.getSource<GeoJSONSource>(source)?.setData(data);
  }

  /** Show the register: lamps, cables, cabinets and the names that the lamps carry. */
  async showRegister(lamps: LampCollection, cabinets: readonly Cabinet[]): Promise<void> {
    this.#lamps.clear();
    for (const lamp of lamps.features) this.#lamps.set(lamp.properties.lamp_id, lamp);
    await this.#ready;
    this.#map.removeFeatureState({ source: "lamps" });
    await Promise.all([
      this.#put("lamps", lamps),
      this.#put("cables", cables(lamps, cabinets)),
      this.#put("streets", streetNames(lamps)),
      this.#put("districts", districtNames(lamps)),
      this.showCabinets(cabinets),
    ]);
  }

  async showCabinets(cabinets: readonly Cabinet[]): Promise<void> {
    const features = cabinets
      .filter((cabinet) => cabinet.longitude !== null && cabinet.latitude !== null)
      .map((cabinet) => ({
        type: "Feature" as const,
        properties: { cabinet_id: cabinet.cabinet_id, online: cabinet.online !== false },
        geometry: { type: "Point" as const, coordinates: [cabinet.longitude ?? 0, cabinet.latitude ?? 0] },
      }));
    await this.#put("cabinets", { type: "FeatureCollection", features });
  }

  /** Let the lamps whose state changed glow, or cease to. */
  async showStates(changed: ReadonlyMap<string, LampNow>): Promise<void> {
    await this.#ready;
    for (const [id, now] of changed) this.#map.setFeatureState({ source: "lamps", id }, { ...now });
  }

  async showFaults(faults: readonly Fault[]): Promise<void> {
    await Promise.all([
      this.#put("faults", faultPoints(faults, iconName)),
      this.#put("fault-lines", faultLines(faults, this.#lamps)),
    ]);
  }

  /** Ring one place, or none, and go there unless it is well in view already. */
  async select(place: [number, number] | null, goThere: boolean): Promise<void> {
    const features = place
      ? [{ type: "Feature" as const, properties: {}, geometry: { type: "Point" as const, coordinates: place } }]
      : [];
    await this.#put("selected", { type: "FeatureCollection", features });
    if (!place || !goThere) return;
    this.#map.easeTo({ center: place, zoom: Math.max(this.#map.getZoom(), CLOSE_ZOOM), duration: 900 });
  }

  /** A ring that spreads and fades where something has just happened. */
  pulse(place: [number, number], colour: string): void {
    const ring = h("div", { class: "pulse", "aria-hidden": "true", style: `--colour:${colour}` });
    const marker = new Marker({ element: ring }).setLngLat(place).addTo(this.#map);
    window.setTimeout(() => marker.remove(), 8_000);
  }

  /** Show the whole city. */
  fit(bounds: LngLatBoundsLike | null = this.#bounds): void {
    this.#bounds = bounds;
    if (bounds)
      this.#map.fitBounds(bounds, { padding: this.#map.getContainer().clientWidth < 900 ? 14 : 36, duration: 0 });
  }

  /** How much of the map's edges other things cover, in CSS pixels. */
  setCovered(covered: { top: number; bottom: number }): void {
    this.#map.setPadding({ top: covered.top, bottom: covered.bottom, left: 0, right: 0 });
  }

  lamp(id: string): LampFeature | undefined {
    return this.#lamps.get(id);
  }
}

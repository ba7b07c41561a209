/** How the city looks at night: the style of every layer, from the dark ground up to the faults. */

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { SEVERITY_COLOUR, type Looks } from "./icons";

const STATE: ExpressionSpecification = ["coalesce", ["feature-state", "state"], ["get", "state"]];
const IS_LIT: ExpressionSpecification = ["==", STATE, "lit"];
const IS_DARK: ExpressionSpecification = ["==", STATE, "dark"];
const IS_UNMETERED: ExpressionSpecification = ["==", STATE, "unmetered"];
const LEVEL: ExpressionSpecification = ["coalesce", ["feature-state", "level"], ["get", "level"], 100];

/** A dimmed lamp still glows: the eye's response is far from linear. */
const BRIGHTNESS: ExpressionSpecification = ["interpolate", ["linear"], LEVEL, 0, 0.15, 25, 0.5, 50, 0.72, 100, 1];

function grown(z10: number, z13: number, z16: number, z19: number): ExpressionSpecification {
  return ["interpolate", ["exponential", 1.5], ["zoom"], 10, z10, 13, z13, 16, z16, 19, z19];
}

function litOpacity(full: number): ExpressionSpecification {
  return ["case", IS_LIT, ["*", full, BRIGHTNESS], 0];
}

const LAMPS: LayerSpecification[] = [
  {
    id: "lamp-pool", // the light on the ground
    minzoom: 14.5, // farther out it is paid for in every pixel and hardly seen
    type: "circle",
    source: "lamps",
    "source-layer": "lamps",
    paint: {
      "circle-radius": grown(5, 15, 52, 210),
      "circle-color": "#ffb65c",
      "circle-blur": 1,
      "circle-opacity": litOpacity(0.15),
      "circle-pitch-alignment": "map",
    },
  },
  {
    id: "lamp-halo",
    minzoom: 12.5,
    type: "circle",
    source: "lamps",
    "source-layer": "lamps",
    paint: {
      "circle-radius": grown(2.2, 5.5, 16, 46),
      "circle-color": "#ffc978",
      "circle-blur": 0.9,
      "circle-opacity": litOpacity(0.62),
    },
  },
  {
    id: "lamp",
    type: "circle",
    source: "lamps",
    "source-layer": "lamps",
    paint: {
      "circle-radius": ["interpolate", ["exponential", 1.4], ["zoom"], 10, 0.7, 13, 1.5, 16, 3.2, 19, 8],
      "circle-color": [
        "case",
        IS_LIT,
        "#fff4dc",
        IS_DARK,
        "#0b0e16",
        ["==", STATE, "off"],
        "#66718a",
        IS_UNMETERED,
        "#4d5870",
        "#2c3446",
      ],
      "circle-opacity": ["case", IS_LIT, BRIGHTNESS, 0.95],
      "circle-stroke-width": [
        "case",
        IS_DARK,
        1.4,
        ["in", STATE, ["literal", ["silent", "unknown"]]],
        0.8,
        0, // not metered: a dot without a ring
      ],
      "circle-stroke-color": ["case", IS_DARK, "#ff6a2b", "#5d6a85"],
    },
  },
];

/** The lamps of a whole city: the same dots, of the far tiles. */
function farLamps(): LayerSpecification {
  const near = LAMPS.find(({ id }) => id === "lamp");
  if (near?.type !== "circle") throw new Error("the style has no layer of lamps");
  return { ...near, id: "lamp-far", source: "lamps-far", maxzoom: FAR_UP_TO };
}

const SEVERITY: ExpressionSpecification = [
  "match",
  ["get", "severity"],
  "critical",
  SEVERITY_COLOUR.critical,
  "major",
  SEVERITY_COLOUR.major,
  "minor",
  SEVERITY_COLOUR.minor,
  SEVERITY_COLOUR.warning,
];

const LINES: LayerSpecification[] = [
  {
    id: "cable",
    type: "line",
    source: "cables",
    layout: { "line-join": "round", "line-cap": "round" },
    paint: {
      "line-color": "#4a6186",
      "line-opacity": ["interpolate", ["linear"], ["zoom"], 11, 0.12, 14, 0.34, 17, 0.6],
      "line-width": ["interpolate", ["linear"], ["zoom"], 11, 0.5, 15, 1.1, 18, 2],
    },
  },
  {
    id: "fault-line-glow",
    type: "line",
    source: "fault-lines",
    layout: { "line-join": "round", "line-cap": "round" },
    paint: { "line-color": SEVERITY, "line-width": 12, "line-blur": 10, "line-opacity": 0.35 },
  },
  {
    id: "fault-line",
    type: "line",
    source: "fault-lines",
    filter: ["==", ["get", "kind"], "dead"],
    layout: { "line-join": "round" },
    paint: { "line-color": SEVERITY, "line-width": 1.8, "line-dasharray": [1.5, 2] },
  },
  {
    id: "fault-span",
    type: "line",
    source: "fault-lines",
    filter: ["==", ["get", "kind"], "span"],
    layout: { "line-cap": "round" },
    paint: { "line-color": SEVERITY, "line-width": 4.5 },
  },
];

const NAMES: LayerSpecification[] = [
  {
    id: "street-name",
    type: "symbol",
    source: "streets",
    minzoom: 14,
    layout: {
      "icon-image": ["concat", "name:street:", ["get", "name"]],
      "icon-rotate": ["get", "angle"],
      "icon-rotation-alignment": "map",
      "icon-offset": [0, -15],
      "icon-padding": 12,
      "symbol-sort-key": ["-", 0, ["get", "n"]],
    },
    paint: { "icon-opacity": ["interpolate", ["linear"], ["zoom"], 14, 0, 14.5, 0.85] },
  },
  {
    id: "district-name",
    type: "symbol",
    source: "districts",
    maxzoom: 15,
    layout: { "icon-image": ["concat", "name:district:", ["get", "name"]], "icon-padding": 8 },
    paint: { "icon-opacity": ["interpolate", ["linear"], ["zoom"], 13.5, 0.9, 15, 0] },
  },
];

const FULL: ExpressionSpecification = ["case", ["==", ["get", "state"], "open"], "full", "hollow"];

/** The name of a fault's sign, by the families that the server's catalogue gives its codes. */
export function faultSign(looks: Looks): ExpressionSpecification {
  const families = Object.fromEntries([...looks].map(([code, { family }]) => [code, family]));
  const family: ExpressionSpecification = ["coalesce", ["get", ["get", "code"], ["literal", families]], "lamp"];
  return ["concat", "fault-", family, "-", ["get", "severity"], "-", FULL];
}

/** The sign of a cabinet: crossed out where its controller is one of `offline`. */
export function cabinetSign(offline: readonly string[]): ExpressionSpecification {
  const isOffline: ExpressionSpecification = ["in", ["get", "controller_id"], ["literal", [...offline]]];
  return ["case", isOffline, "cabinet-offline", "cabinet-online"];
}

const SIGNS: LayerSpecification[] = [
  {
    id: "cabinet",
    type: "symbol",
    source: "cabinets",
    "source-layer": "cabinets",
    minzoom: 12.5,
    layout: {
      "icon-image": cabinetSign([]),
      "icon-allow-overlap": true,
      "icon-ignore-placement": true,
      "icon-size": ["interpolate", ["linear"], ["zoom"], 12.5, 0.6, 16, 1.1, 19, 1.6],
    },
  },
  {
    id: "selected",
    type: "circle",
    source: "selected",
    paint: {
      "circle-radius": ["interpolate", ["linear"], ["zoom"], 10, 16, 16, 24],
      "circle-color": "#ffffff",
      "circle-opacity": 0.07,
      "circle-stroke-color": "#ffffff",
      "circle-stroke-width": 2,
    },
  },
  {
    id: "fault",
    type: "symbol",
    source: "faults",
    "source-layer": "faults",
    layout: {
      "icon-image": faultSign(new Map()),
      "icon-allow-overlap": true, // names keep clear of it
      "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.42, 13, 0.6, 16, 0.85, 19, 1.1],
      "symbol-sort-key": ["get", "priority"],
    },
  },
];

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

/**
 * A whole city is drawn from tiles of zoom 10 up to here: those of zoom 11 and 12 hold three and six times the bytes, for
 * lamps that stand closer than they can be told apart.
 */
export const FAR_UP_TO = 12;
export const LAMP_SOURCES = ["lamps-far", "lamps"] as const;

/** Layers of the API's tiles: from which zoom they are asked for, and to which they are worth drawing anew. */
const TILED = { lamps: [FAR_UP_TO, 15], "lamps-far": [0, 10], faults: [0, 14], cabinets: [12, 14] } as const;
const DRAWN = ["cables", "fault-lines", "streets", "districts", "selected"];

/** The whole style; its only addresses are the API's own tiles: no glyphs, no sprites, no other host. */
export function nightStyle(origin: string): StyleSpecification {
  const sources: StyleSpecification["sources"] = {};
  for (const name of DRAWN) sources[name] = { type: "geojson", data: EMPTY, tolerance: 0.2 };
  for (const [name, [minzoom, maxzoom]] of Object.entries(TILED))
    sources[name] = {
      type: "vector",
      tiles: [`${origin}/tiles/${name.replace("-far", "")}/{z}/{x}/{y}.mvt`],
      minzoom,
      maxzoom,
    };
  return {
    version: 8,
    sources,
    layers: [
      { id: "ground", type: "background", paint: { "background-color": "#060911" } },
      ...LINES.slice(0, 1),
      ...LAMPS.map((layer) => ({ ...layer, minzoom: Math.max(layer.minzoom ?? 0, FAR_UP_TO) })),
      farLamps(),
      ...LINES.slice(1),
      ...NAMES,
      ...SIGNS,
    ],
  };
}

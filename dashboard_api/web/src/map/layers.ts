/** How the city looks at night: the style of every layer, from the dark ground up to the faults. */

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { SEVERITY_COLOUR } from "./icons";

const STATE: ExpressionSpecification = ["coalesce", ["feature-state", "state"], ["get", "state"]];
const IS_LIT: ExpressionSpecification = ["==", STATE, "lit"];
const LEVEL: ExpressionSpecification = ["coalesce", ["feature-state", "level"], ["get", "level"], 100];
const RATED_W: ExpressionSpecification = ["coalesce", ["get", "rated_power_w"], 60];

/** A dimmed lamp still glows: the eye's response is far from linear. */
const BRIGHTNESS: ExpressionSpecification = ["interpolate", ["linear"], LEVEL, 0, 0.15, 25, 0.5, 50, 0.72, 100, 1];
const REACH: ExpressionSpecification = ["interpolate", ["linear"], RATED_W, 20, 0.8, 60, 1, 250, 1.25];

/** The colour of each technology's light, from about 2,000 K of sodium to 4,000 K of metal halide. */
function light(led: string, sodium: string, cool: string): ExpressionSpecification {
  return ["match", ["get", "technology"], "HPS", sodium, ["MH", "MV", "IND"], cool, led];
}

function grown(z10: number, z13: number, z16: number, z19: number): ExpressionSpecification {
  const by = (radius: number): ExpressionSpecification => ["*", radius, REACH];
  return ["interpolate", ["exponential", 1.5], ["zoom"], 10, by(z10), 13, by(z13), 16, by(z16), 19, by(z19)];
}

function litOpacity(full: number): ExpressionSpecification {
  return ["case", IS_LIT, ["*", full, BRIGHTNESS], 0];
}

const LAMPS: LayerSpecification[] = [
  {
    id: "lamp-pool", // the light on the ground
    type: "circle",
    source: "lamps",
    paint: {
      "circle-radius": grown(5, 15, 52, 210),
      "circle-color": light("#ffb65c", "#ff9a3d", "#bcd8ff"),
      "circle-blur": 1,
      "circle-opacity": litOpacity(0.15),
      "circle-pitch-alignment": "map",
    },
  },
  {
    id: "lamp-halo",
    type: "circle",
    source: "lamps",
    paint: {
      "circle-radius": grown(2.2, 5.5, 16, 46),
      "circle-color": light("#ffc978", "#ffa95a", "#d3e6ff"),
      "circle-blur": 0.9,
      "circle-opacity": litOpacity(0.62),
    },
  },
  {
    id: "lamp",
    type: "circle",
    source: "lamps",
    paint: {
      "circle-radius": ["interpolate", ["exponential", 1.4], ["zoom"], 10, 0.7, 13, 1.5, 16, 3.2, 19, 8],
      "circle-color": [
        "case",
        IS_LIT,
        light("#fff4dc", "#ffdcae", "#f4f9ff"),
        ["==", STATE, "dark"],
        "#0b0e16",
        ["==", STATE, "off"],
        "#66718a",
        "#2c3446",
      ],
      "circle-opacity": ["case", IS_LIT, BRIGHTNESS, 0.95],
      "circle-stroke-width": ["case", ["==", STATE, "dark"], 1.4, ["in", STATE, ["literal", ["silent", "unmetered"]]], 0.8, 0],
      "circle-stroke-color": ["case", ["==", STATE, "dark"], "#ff6a2b", "#5d6a85"],
    },
  },
];

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
    maxzoom: 14.5,
    layout: {
      "icon-image": ["concat", "name:district:", ["get", "name"]],
      "icon-padding": 24,
      "symbol-sort-key": ["-", 0, ["get", "n"]],
    },
    paint: { "icon-opacity": ["interpolate", ["linear"], ["zoom"], 13.5, 0.75, 14.5, 0] },
  },
];

const SIGNS: LayerSpecification[] = [
  {
    id: "cabinet",
    type: "symbol",
    source: "cabinets",
    minzoom: 12.5,
    layout: {
      "icon-image": ["case", ["get", "online"], "cabinet-online", "cabinet-offline"],
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
    layout: {
      "icon-image": ["get", "icon"],
      "icon-offset": ["array", "number", 2, ["get", "offset"]],
      "icon-allow-overlap": true,
      "icon-ignore-placement": true,
      "icon-size": ["interpolate", ["linear"], ["zoom"], 10, 0.42, 13, 0.6, 16, 0.85, 19, 1.1],
      "symbol-sort-key": ["get", "priority"],
    },
  },
];

const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

export const SOURCES = ["lamps", "cables", "fault-lines", "streets", "districts", "cabinets", "selected", "faults"];

/** The whole style; nothing in it has an address: no tiles, no glyphs, no sprites. */
export function nightStyle(): StyleSpecification {
  return {
    version: 8,
    sources: Object.fromEntries(
      SOURCES.map((name) => [
        name,
        { type: "geojson", data: EMPTY, tolerance: 0.2, ...(name === "lamps" ? { promoteId: "lamp_id" } : {}) },
      ]),
    ),
    layers: [
      { id: "ground", type: "background", paint: { "background-color": "#060911" } },
      ...LINES.slice(0, 1),
      ...LAMPS,
      ...LINES.slice(1),
      ...NAMES,
      ...SIGNS,
    ],
  };
}

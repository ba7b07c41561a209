import { expect, test } from "vitest";
import { SEVERITIES, SEVERITY_COLOUR } from "../src/map/icons";
import { nightStyle } from "../src/map/layers";

type Colour = [number, number, number];

/** Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB. */
const DEUTERANOPIA = [
  [0.367322, 0.860646, -0.227968],
  [0.280085, 0.672501, 0.047413],
  [-0.01182, 0.04294, 0.968881],
];
const PROTANOPIA = [
  [0.152286, 1.052583, -0.204868],
  [0.114503, 0.786281, 0.099216],
  [-0.003882, -0.048116, 1.051998],
];

function linear(hex: string): Colour {
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  return parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as Colour;
}

function seen(hex: string, by: number[][]): Colour {
  const colour = linear(hex);
  return by.map((row) => row.reduce((sum, weight, n) => sum + weight * (colour[n] ?? 0), 0)) as Colour;
}

/** CIE L*a*b* of linear RGB (D65). */
function lab([red, green, blue]: Colour): Colour {
  const x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047;
  const y = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  const z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883;
  const [fx, fy, fz] = [x, y, z].map((part) => (part > 0.008856 ? Math.cbrt(part) : 7.787 * part + 16 / 116));
  return [116 * (fy ?? 0) - 16, 500 * ((fx ?? 0) - (fy ?? 0)), 200 * ((fy ?? 0) - (fz ?? 0))];
}

function difference(a: string, b: string, by: number[][]): number {
  const [one, other] = [lab(seen(a, by)), lab(seen(b, by))];
  return Math.hypot(...one.map((part, n) => part - (other[n] ?? 0)));
}

function contrast(a: string, b: string, by: number[][]): number {
  const light = ([red, green, blue]: Colour) => Math.max(0, 0.2126 * red + 0.7152 * green + 0.0722 * blue) + 0.05;
  const [one, other] = [light(seen(a, by)), light(seen(b, by))];
  return Math.max(one, other) / Math.min(one, other);
}

const GROUND = "#060911";
const paint = (id: string) =>
  (nightStyle("").layers.find((layer) => layer.id === id)?.paint ?? {}) as Record<string, unknown>;

test.each([
  ["deuteranopia", DEUTERANOPIA],
  ["protanopia", PROTANOPIA],
])("severities are told apart with %s, and from the ground", (_, by) => {
  for (const [n, one] of SEVERITIES.entries()) {
    expect(contrast(SEVERITY_COLOUR[one], GROUND, by), one).toBeGreaterThan(3);
    for (const other of SEVERITIES.slice(n + 1))
      expect(difference(SEVERITY_COLOUR[one], SEVERITY_COLOUR[other], by), `${one} ${other}`).toBeGreaterThan(15);
  }
});

test.each([
  ["deuteranopia", DEUTERANOPIA],
  ["protanopia", PROTANOPIA],
])("a dark lamp's ring differs in brightness from a lit lamp and from the rings of silent ones with %s", (_, by) => {
  const style = JSON.stringify(paint("lamp"));
  for (const colour of ["#fff4dc", "#ff6a2b", "#5d6a85", "#66718a"]) expect(style).toContain(colour);
  expect(contrast("#ff6a2b", "#fff4dc", by)).toBeGreaterThan(1.8);
  expect(contrast("#ff6a2b", "#5d6a85", by)).toBeGreaterThan(1.3);
  expect(contrast("#fff4dc", "#66718a", by)).toBeGreaterThan(3);
});

test("cables say by their stroke what they are: whole, dead, broken", () => {
  expect(paint("cable")["line-dasharray"]).toBeUndefined();
  expect(paint("fault-line")["line-dasharray"]).toEqual([1.5, 2]);
  expect(paint("fault-span")["line-dasharray"]).toBeUndefined();
  expect(paint("fault-span")["line-width"]).toBeGreaterThan(2 * Number(paint("fault-line")["line-width"]));
});

test("lamps of every state differ on the map by fill or ring", () => {
  const { "circle-stroke-width": ring, "circle-color": fill } = paint("lamp");
  expect(JSON.stringify(ring)).toContain('["silent","unknown"]'); // a ring: metered and unheard
  expect(JSON.stringify(fill)).toContain("unmetered"); // none, and a fill of its own
});

/**
 * The signs of faults, drawn here: severity is the colour (Okabe and Ito's palette, told apart by every eye), the family
 * is the outline and the glyph, and a hollow sign is a fault that somebody has taken in hand.
 */

import type { Code, FaultState, Level, Severity } from "../city/types";

export type Family = "lamp" | "cable" | "cabinet" | "signal";

export const SEVERITIES: readonly Severity[] = ["critical", "major", "minor", "warning"];
export const FAMILIES: readonly Family[] = ["lamp", "cable", "cabinet", "signal"];

export const SEVERITY_COLOUR: Record<Severity, string> = {
  critical: "#ff6a2b", // vermillion, lifted for a black ground
  major: "#d98cba", // reddish purple
  minor: "#56b4e9", // sky blue
  warning: "#f0e442", // yellow
};

const SIZE = 32;
const INK = "#05070d";

/** Outline and glyph on a 32 × 32 grid; glyphs are strokes. */
export const SHAPES: Record<Family, { outline: string; glyph: string }> = {
  lamp: {
    outline: "M16 3a13 13 0 1 0 0 26a13 13 0 1 0 0-26Z",
    glyph: "M12.6 18.2a5.2 5.2 0 1 1 6.8 0c-.8.7-1 1.4-1 2.3h-4.8c0-.9-.2-1.6-1-2.3ZM14 23.5h4",
  },
  cable: {
    outline: "M16 1.5 30.5 16 16 30.5 1.5 16Z",
    glyph: "M6.5 16h6l1.6-3.2M25.5 16h-6l-1.6 3.2M16.8 11.2l-1.6 9.6",
  },
  cabinet: {
    outline: "M6.5 3.5h19a3 3 0 0 1 3 3v19a3 3 0 0 1-3 3h-19a3 3 0 0 1-3-3v-19a3 3 0 0 1 3-3Z",
    glyph: "M17.6 7.5 11 17.4h4.8L14.4 24.5 21 14.6h-4.8Z",
  },
  signal: {
    outline: "M9.2 3.5h13.6L30 16l-7.2 12.5H9.2L2 16Z",
    glyph: "M16 21.6v.2M12.9 18.2a4.5 4.5 0 0 1 6.2 0M10.2 14.8a8.5 8.5 0 0 1 11.6 0M9.8 23.2 22.2 9.2",
  },
};

const OF_LEVEL: Partial<Record<string, Family>> = {
  lamp: "lamp",
  circuit: "cable",
  cabinet: "cabinet",
  controller: "signal",
};

/** How the server's fault catalogue has a code shown, by the code. */
export type Looks = ReadonlyMap<string, Pick<Code, "family" | "darkens">>;

/** Which family a fault's sign belongs to: as the catalogue says, else by its level. */
export function familyOf(fault: { code: string; level: Level }, looks?: Looks): Family {
  return FAMILIES.find((each) => each === looks?.get(fault.code)?.family) ?? OF_LEVEL[fault.level] ?? "lamp";
}

/** Whether nobody has taken the fault in hand yet. */
export function isFresh(state: FaultState): boolean {
  return state === "open";
}

/** The sign as pixels for the map, `ratio` device pixels to one. */
function signImage(family: Family, colour: string, full: boolean, ratio: number): ImageData {
  const margin = 4;
  const side = (SIZE + 2 * margin) * ratio;
  const canvas = new OffscreenCanvas(side, side);
  const ink = canvas.getContext("2d");
  if (!ink) throw new Error("this browser cannot draw on a canvas");
  ink.scale(ratio, ratio);
  ink.translate(margin, margin);
  ink.lineJoin = ink.lineCap = "round";
  const outline = new Path2D(SHAPES[family].outline);
  ink.strokeStyle = INK; // a dark rim keeps the sign apart from the glow around it
  ink.lineWidth = 6;
  ink.stroke(outline);
  ink.fillStyle = full ? colour : INK;
  ink.fill(outline);
  ink.strokeStyle = colour;
  ink.lineWidth = 2.2;
  ink.stroke(outline);
  ink.strokeStyle = full ? INK : colour;
  ink.stroke(new Path2D(SHAPES[family].glyph));
  return ink.getImageData(0, 0, side, side);
}

/** Every sign of the map by its name: `fault-FAMILY-SEVERITY-full`, or `-hollow`. */
export function allSigns(ratio: number): Map<string, ImageData> {
  const signs = new Map<string, ImageData>();
  for (const family of FAMILIES)
    for (const severity of SEVERITIES)
      for (const full of [true, false])
        signs.set(
          `fault-${family}-${severity}-${full ? "full" : "hollow"}`,
          signImage(family, SEVERITY_COLOUR[severity], full, ratio),
        );
  return signs;
}

/** A cabinet on the map: a small box, crossed out while its controller is not heard. */
export function cabinetImage(online: boolean, ratio: number): ImageData {
  const side = 18;
  const canvas = new OffscreenCanvas(side * ratio, side * ratio);
  const ink = canvas.getContext("2d");
  if (!ink) throw new Error("this browser cannot draw on a canvas");
  ink.scale(ratio, ratio);
  ink.lineWidth = 1.5;
  ink.strokeStyle = online ? "#8fa3c4" : "#5b6880";
  ink.fillStyle = INK;
  ink.beginPath();
  ink.roundRect(4, 4, 10, 10, 2);
  ink.fill();
  ink.stroke();
  ink.beginPath();
  if (online) ink.rect(7.5, 7.5, 3, 3);
  else {
    ink.moveTo(5, 13);
    ink.lineTo(13, 5);
  }
  ink.stroke();
  return ink.getImageData(0, 0, side * ratio, side * ratio);
}

/** Names on the map without any glyph server: each is drawn on a canvas in the page's own font when the map asks for it. */

import type { Map as MapLibreMap } from "maplibre-gl";

const PREFIX = "name:";

const LOOK = {
  street: { font: "500 11px system-ui, sans-serif", colour: "#9fb0cd", spacing: "0.4px" },
  district: { font: "600 13px system-ui, sans-serif", colour: "#c9d6ee", spacing: "2.5px" },
};

/** Draw the image of a name such as `name:street:Jalan Merdeka`. */
function nameImage(kind: keyof typeof LOOK, text: string, ratio: number): ImageData {
  const look = LOOK[kind];
  const written = kind === "district" ? text.toUpperCase() : text;
  const measure = new OffscreenCanvas(1, 1).getContext("2d");
  if (!measure) throw new Error("this browser cannot draw on a canvas");
  measure.font = look.font;
  measure.letterSpacing = look.spacing;
  const width = Math.ceil(measure.measureText(written).width) + 10;
  const height = 22;
  const ink = new OffscreenCanvas(width * ratio, height * ratio).getContext("2d");
  if (!ink) throw new Error("this browser cannot draw on a canvas");
  ink.scale(ratio, ratio);
  ink.font = look.font;
  ink.letterSpacing = look.spacing;
  ink.textBaseline = "middle";
  ink.lineJoin = "round";
  ink.lineWidth = 4;
  ink.strokeStyle = "rgb(6 9 17 / 0.85)";
  ink.strokeText(written, 5, height / 2);
  ink.fillStyle = look.colour;
  ink.fillText(written, 5, height / 2);
  return ink.getImageData(0, 0, width * ratio, height * ratio);
}

/** Let the map draw names as it comes to need them. */
export function drawNamesOnDemand(map: MapLibreMap, ratio: number): void {
  map.setMissingStyleImageResolver((id) => {
    if (!id.startsWith(PREFIX) || map.hasImage(id)) return;
    const [, kind, ...rest] = id.split(":");
    if (kind !== "street" && kind !== "district") return;
    map.addImage(id, nameImage(kind, rest.join(":"), ratio), { pixelRatio: ratio });
  });
}

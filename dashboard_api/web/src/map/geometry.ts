/** Pure geometry of the map: cables from the order along a circuit, street names from the lamps that line them. */

import type { Cabinet, CabinetLamps, City, Fault, LampCollection, LampFeature } from "../city/types";

type Position = [number, number];
type Lines = GeoJSON.FeatureCollection<GeoJSON.LineString>;
type Points = GeoJSON.FeatureCollection<GeoJSON.Point>;

const EARTH_M = 6_371_000;
const LONGEST_NAME = 40; // letters
const LONGEST_SPAN_M = 600; // farther apart, the order in the register is wrong and a line would lie

/** Metres between two places, on a plane: right to a few per mille within a city. */
export function metres([west, south]: Position, [east, north]: Position): number {
  const radians = Math.PI / 180;
  const x = (east - west) * radians * Math.cos(((south + north) / 2) * radians);
  return EARTH_M * Math.hypot(x, (north - south) * radians);
}

export function at(lamp: LampFeature): Position {
  return [lamp.geometry.coordinates[0] ?? 0, lamp.geometry.coordinates[1] ?? 0];
}

function collect<T>(items: Iterable<T>, keyOf: (item: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === null) continue;
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** Of a cabinet's lamps as the API lists them, what the map draws. */
export function placedLamps({ cabinet_id, columns }: CabinetLamps): LampFeature[] {
  const ids = (columns.lamp_id ?? []) as string[];
  const textOf = (name: string, row: number) => (columns[name]?.[row] ?? null) as string | null;
  const numberOf = (name: string, row: number) => (columns[name]?.[row] ?? null) as number | null;
  return ids.map((lamp_id, row) => ({
    type: "Feature",
    properties: {
      lamp_id,
      cabinet_id,
      circuit: textOf("circuit", row),
      position: numberOf("position", row),
      street: textOf("street", row),
    },
    geometry: { type: "Point", coordinates: [numberOf("longitude", row) ?? 0, numberOf("latitude", row) ?? 0] },
  }));
}

/** A city's districts, each at the middle of its lamps; of a server of an older version none. */
export function districtNames(city: Partial<Pick<City, "districts">>): Points {
  const features = (city.districts ?? []).map(({ name, longitude, latitude }) => ({
    type: "Feature" as const,
    properties: { name: shortened(name) },
    geometry: { type: "Point" as const, coordinates: [longitude, latitude] },
  }));
  return { type: "FeatureCollection", features };
}

/** A name that may be as long as a register lets it be, as long as a map has room for. */
function shortened(name: string): string {
  const letters = Array.from(name);
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join("")}…` : name;
}

/** One line per circuit, from its cabinet through its lamps in the order of their positions. */
export function cables(
  lamps: LampCollection,
  cabinets: readonly Pick<Cabinet, "cabinet_id" | "longitude" | "latitude">[],
): Lines {
  const places = new Map(cabinets.map((cabinet) => [cabinet.cabinet_id, cabinet]));
  const circuits = collect(lamps.features, ({ properties: lamp }) =>
    lamp.cabinet_id && lamp.circuit && lamp.position !== null ? `${lamp.cabinet_id}\n${lamp.circuit}` : null,
  );
  const features: Lines["features"] = [];
  for (const members of circuits.values()) {
    members.sort((a, b) => (a.properties.position ?? 0) - (b.properties.position ?? 0));
    const { cabinet_id, circuit } = members[0]?.properties ?? {};
    const cabinet = places.get(cabinet_id ?? "");
    const path = members.map(at);
    if (cabinet?.longitude != null && cabinet.latitude != null) path.unshift([cabinet.longitude, cabinet.latitude]);
    for (const coordinates of unbroken(path))
      features.push({
        type: "Feature",
        properties: { cabinet_id, circuit },
        geometry: { type: "LineString", coordinates },
      });
  }
  return { type: "FeatureCollection", features };
}

/** Cut a path where two neighbours stand farther apart than any span. */
function unbroken(path: Position[]): Position[][] {
  const parts: Position[][] = [];
  let part: Position[] = [];
  for (const place of path) {
    const last = part.at(-1);
    if (last && metres(last, place) > LONGEST_SPAN_M) {
      parts.push(part);
      part = [];
    }
    part.push(place);
  }
  parts.push(part);
  return parts.filter((each) => each.length > 1);
}

/** Where each street's name stands: at its middle lamp, turned along the street so that it reads upright. */
export function streetNames(lamps: LampCollection): Points {
  const streets = collect(lamps.features, ({ properties: lamp }) => lamp.street);
  const features: Points["features"] = [];
  for (const members of streets.values()) {
    if (members.length < 3) continue;
    const middle = mean(members.map(at));
    const nearest = members.map(at).reduce((a, b) => (metres(a, middle) <= metres(b, middle) ? a : b));
    const neighbours = members.map(at).filter((place) => metres(place, nearest) < 250);
    features.push({
      type: "Feature",
      properties: {
        name: shortened(members[0]?.properties.street ?? ""),
        angle: upright(direction(neighbours)),
        n: members.length,
      },
      geometry: { type: "Point", coordinates: nearest },
    });
  }
  return { type: "FeatureCollection", features };
}

function mean(places: Position[]): Position {
  const sum = places.reduce<Position>(([x, y], place) => [x + place[0], y + place[1]], [0, 0]);
  return [sum[0] / places.length, sum[1] / places.length];
}

/** Angle of the principal axis through the places, degrees clockwise from east as the screen turns. */
export function direction(places: Position[]): number {
  const [x0, y0] = mean(places);
  const shrink = Math.cos((y0 * Math.PI) / 180);
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const [x, y] of places) {
    const dx = (x - x0) * shrink;
    const dy = y - y0;
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  return (-0.5 * Math.atan2(2 * xy, xx - yy) * 180) / Math.PI;
}

/** The same axis with its text the right way up: −90° < angle ≤ 90°. */
export function upright(angle: number): number {
  const turned = ((angle % 180) + 180) % 180;
  return turned > 90 ? turned - 180 : turned;
}

/** What a circuit's or cable's fault takes with it: the broken span, and the dead length of cable. */
export function faultLines(faults: readonly Fault[], lamps: ReadonlyMap<string, LampFeature>): Lines {
  const features: Lines["features"] = [];
  const add = (fault: Fault, kind: string, coordinates: Position[]) => {
    const properties = { id: fault.id, severity: fault.severity, kind };
    for (const part of unbroken(coordinates))
      features.push({ type: "Feature", properties, geometry: { type: "LineString", coordinates: part } });
  };
  for (const fault of faults) {
    if (fault.level !== "circuit") continue;
    const dead = fault.lamp_ids
      .map((id) => lamps.get(id))
      .filter((lamp) => lamp !== undefined)
      .sort((a, b) => (a.properties.position ?? 0) - (b.properties.position ?? 0));
    if (dead.every((lamp) => lamp.properties.position !== null)) add(fault, "dead", dead.map(at));
    const after = fault.span && lamps.get(fault.span.after);
    const before = fault.span && lamps.get(fault.span.before);
    if (after && before) add(fault, "span", [at(after), at(before)]);
  }
  return { type: "FeatureCollection", features };
}

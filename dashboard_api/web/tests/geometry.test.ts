import { describe, expect, test } from "vitest";
import type { Cabinet, Fault, LampFeature, LampProperties } from "../src/city/types";
import { cables, direction, faultLines, metres, streetNames, upright } from "../src/map/geometry";

function lamp(lamp_id: string, east: number, north: number, more: Partial<LampProperties> = {}): LampFeature {
  const properties: LampProperties = {
    lamp_id,
    cabinet_id: "C-1",
    circuit: "1",
    position: Number(lamp_id),
    street: "Jalan Merdeka",
    ...more,
  };
  return { type: "Feature", properties, geometry: { type: "Point", coordinates: [102 + east, 0.7 + north] } };
}

const cabinet: Cabinet = {
  cabinet_id: "C-1",
  name: null,
  latitude: 0.7,
  longitude: 102,
  district: null,
  controller_id: null,
  online: true,
};

const fault = (more: Partial<Fault>): Fault =>
  ({
    id: "F",
    level: "lamp",
    severity: "major",
    lamp_ids: [],
    span: null,
    longitude: 102,
    latitude: 0.7,
    ...more,
  }) as Fault;

describe("cables", () => {
  test("run from the cabinet through the lamps in the order of their positions", () => {
    const lamps = [lamp("3", 0.003, 0), lamp("1", 0.001, 0), lamp("2", 0.002, 0)];
    const lines = cables({ type: "FeatureCollection", features: lamps }, [cabinet]).features;
    expect(lines.map((line) => line.geometry.coordinates.map(([x]) => Math.round(((x ?? 0) - 102) * 1000)))).toEqual([
      [0, 1, 2, 3],
    ]);
  });

  test("break where two neighbours stand farther apart than any span", () => {
    const lamps = [lamp("1", 0.001, 0), lamp("2", 0.002, 0), lamp("3", 0.2, 0), lamp("4", 0.201, 0)];
    expect(cables({ type: "FeatureCollection", features: lamps }, [cabinet]).features).toHaveLength(2);
  });

  test("are not drawn where the order of the poles is unknown", () => {
    const lamps = [lamp("1", 0.001, 0, { position: null }), lamp("2", 0.002, 0, { position: null })];
    expect(cables({ type: "FeatureCollection", features: lamps }, [cabinet]).features).toEqual([]);
  });
});

describe("names", () => {
  test("read upright whichever way a street runs", () => {
    for (let angle = -720; angle <= 720; angle += 7) {
      const turned = upright(angle);
      expect(turned).toBeGreaterThan(-90);
      expect(turned).toBeLessThanOrEqual(90);
      expect(Math.abs(((angle - turned) % 180) % 180)).toBeCloseTo(0);
    }
  });

  test("follow the lamps that line the street", () => {
    const northEast = direction([0, 1, 2, 3].map((step) => [102 + step * 0.001, step * 0.001]));
    expect(northEast).toBeCloseTo(-45, 0); // the screen's angles grow clockwise
  });

  test("stand at a lamp of the street, and only where it has a few", () => {
    const features = [lamp("1", 0, 0), lamp("2", 0.0003, 0), lamp("3", 0.0006, 0), lamp("4", 0, 1, { street: "Gang" })];
    const names = streetNames({ type: "FeatureCollection", features }).features;
    expect(names.map((name) => name.properties?.name as string)).toEqual(["Jalan Merdeka"]);
  });
});

describe("faults", () => {
  test("of a cable show the broken span and the dead length", () => {
    const lamps = new Map(
      [lamp("1", 0.001, 0), lamp("2", 0.002, 0), lamp("3", 0.003, 0)].map((l) => [l.properties.lamp_id, l]),
    );
    const cable = fault({ level: "circuit", lamp_ids: ["3", "2"], span: { after: "1", before: "2" } });
    expect(faultLines([cable], lamps).features.map((line) => line.properties?.kind as string)).toEqual([
      "dead",
      "span",
    ]);
  });
});

test("a degree of longitude at the equator is 111 km", () => {
  expect(metres([102, 0], [103, 0])).toBeCloseTo(111_195, -1);
});

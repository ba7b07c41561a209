import { describe, expect, test } from "vitest";
import { CabinetLines, type CabinetPlace } from "../src/map/cabinet_lines";

const KEPT = 16;

function city() {
  const asked: string[] = [];
  let drawn = 0;
  const ask = <T>(path: string): Promise<T> => {
    const id = decodeURIComponent(path.split("/")[2] ?? "");
    asked.push(id);
    const columns = { lamp_id: [`L-${id}`], circuit: ["1"], longitude: [102], latitude: [0.8] };
    return Promise.resolve({ cabinet_id: id, columns } as T);
  };
  const put = (source: string, data: GeoJSON.GeoJSON): Promise<void> => {
    if (source === "cables" && data.type === "FeatureCollection") drawn += 1;
    return Promise.resolve();
  };
  return { lines: new CabinetLines(put, ask, KEPT), asked, nDrawn: () => drawn };
}

function view(from: number, to: number): CabinetPlace[] {
  return Array.from({ length: to - from }, (_, n) => ({ cabinet_id: `C-${from + n}`, longitude: 102, latitude: 0.8 }));
}

describe("cabinets that were looked at", () => {
  test("are asked for once, and those seen last once more only after many others", async () => {
    const { lines, asked } = city();
    for (let stop = 0; stop < 40; stop += 1) await lines.show(view(8 * stop, 8 * stop + 8));
    expect(asked.length).toBe(320);
    await lines.show(view(312, 320)); // still there
    await lines.show(view(304, 312)); // so are these
    expect(asked.length).toBe(320);
    await lines.show(view(0, 8)); // forgotten long ago
    expect(asked.slice(320)).toEqual(view(0, 8).map(({ cabinet_id }) => cabinet_id));
  });

  test("stay while they are in view, however many those are", async () => {
    const { lines, asked, nDrawn } = city();
    for (let turn = 0; turn < 20; turn += 1) await lines.show(view(0, 50)); // a wide screen
    expect(asked.length).toBe(50);
    expect(nDrawn()).toBe(7); // eight more at a time, then nothing new
  });
});

// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { CityClock, lasting } from "../src/city/clock";
import { distinctFigures, distinctTimes } from "../src/panel/axis_labels";
import { plotted } from "../src/panel/readings_chart";
import { EvidenceWords } from "../src/words/evidence_words";
import { CATALOGUES } from "./catalogues";
import { Words } from "../src/words/words";

const blanks = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

beforeEach(() => {
  localStorage.clear();
});

test("both languages say every word, with the same blanks", () => {
  const english = CATALOGUES.get("en") ?? {};
  expect([...CATALOGUES.keys()]).toEqual(expect.arrayContaining(["en", "id"]));
  for (const catalogue of CATALOGUES.values())
    for (const [name, text] of Object.entries(english)) {
      expect(catalogue[name]?.trim(), name).not.toBe("");
      expect(blanks(catalogue[name] ?? ""), name).toEqual(blanks(text));
    }
});

test("a third language is offered, and says what it has", () => {
  const catalogue = { "language.name": "Basa Jawa", "language.locale": "jv-ID", "page.lamp": "Lampu dalan" };
  const words = new Words(new Map([...CATALOGUES, ["jv", catalogue]]));
  expect(words.languages().map(({ name }) => name)).toContain("Basa Jawa");
  words.choose("jv");
  expect(words.say("lamp")).toBe("Lampu dalan");
  expect(document.documentElement.lang).toBe("jv");
});

test("counted words take the form of their number", () => {
  const words = new Words(CATALOGUES);
  words.choose("en");
  expect([1, 2].map((n) => words.count("n_faults", n))).toEqual(["1 fault", "2 faults"]);
  words.choose("id");
  expect(words.count("n_faults", 1)).toBe("1 gangguan");
});

test("the city's language holds until the reader chooses", () => {
  const words = new Words(CATALOGUES);
  words.setCityLanguage("en");
  expect(words.say("lamp")).toBe("Lamp");
  words.choose("id");
  words.setCityLanguage("en");
  expect(words.say("lamp")).toBe("Lampu");
});

test("evidence reads as a sentence, measured beside expected", () => {
  const words = new Words(CATALOGUES);
  words.choose("en");
  const evidence = new EvidenceWords(words, new CityClock());
  const figures = {
    power_w: 0.4,
    expected_power_w: 90,
    since: "2026-11-23T12:05:00Z",
    priority: { danger: { points: 0 } },
  };
  expect(evidence.sentence("lampFailure", figures)).toBe("Measured 0.4\u00a0W, expected 90\u00a0W.");
  expect(evidence.sentence("highTemperature", { temperature_c: 91 })).toBe("Temperature measured: 91\u00a0°C.");
  expect(evidence.sentence("cabinetDoorOpen", {})).toBe("");
  expect(evidence.lines(figures).map(({ label }) => label)).toEqual(["Power measured", "Power expected", "Onset"]);
  expect(evidence.lines({ cable_drop_v: 3 })).toEqual([{ label: "Cable drop", value: "3\u00a0V" }]);
});

test("evidence and its reasons are all Indonesian on an Indonesian page", () => {
  const words = new Words(CATALOGUES);
  words.choose("id");
  const evidence = new EvidenceWords(words, new CityClock());
  const broken = { lamps_silent: 5, lamps_without_voltage: 0, load: "gone", samples: 3 };
  expect(evidence.lines(broken).map(({ label, value }) => `${label} ${value}`)).toEqual([
    "Lampu diam 5",
    "Lampu tanpa tegangan 0",
    "Beban hilang",
    "Pembacaan yang memastikan 3",
  ]);
  expect(evidence.sentence("cableFailure", broken)).toBe("Lampu diam: 5, beban hilang.");
  const supply = { voltage_v: [229.5, null, 231], supply_present: false, status: 10 };
  expect(evidence.lines(supply).map(({ value }) => value)).toEqual([
    "229,5\u00a0V, –, 231\u00a0V",
    "tidak",
    "driver rusak, mati karena panas",
  ]);
  const reasons = { priority: { danger: { points: 30, why: "consecutive_dark", n: 4 } } };
  expect(evidence.priority(reasons)).toEqual([{ label: "Bahaya", value: "+30 · 4 lampu berturut-turut mati" }]);
  const share = { priority: { danger: { points: 30, why: "dark_around", share: 0.4 } } };
  expect(evidence.priority(share)[0]?.value).toBe("+30 · 40% lampu di sekitarnya mati");
  expect(evidence.note({ reason: "still_failing", note: null })).toBe("masih mati setelah diperbaiki");
  expect(evidence.note({ reason: null, note: "still dark after repair" })).toBe("still dark after repair");
});

test("times are the city's, whatever zone the reader sits in, and follow a replayed night", () => {
  const clock = new CityClock();
  const now = "2020-01-01T14:30:00Z";
  const about = {
    name: "",
    group: "",
    language: "id",
    languages: [],
    bbox: null,
    lamps: 0,
    districts: [],
    branding: { title: "Kota", accent: null, logo: null },
    own_words: [],
    register_version: 0,
  };
  clock.set({ ...about, timezone: "Asia/Jakarta", now, version: "" }, Date.now());
  expect(clock.time(Date.parse(now), "en")).toBe("21:30");
  expect(Math.abs(clock.nowMs() - Date.parse(now))).toBeLessThan(1_000);
});

test("ages are told in one unit", () => {
  expect([30, 3_700, 90_000, 200_000].map((seconds) => lasting(seconds, "en"))).toEqual([
    "1 minute",
    "1 hour",
    "1 day",
    "2 days",
  ]);
});

test("a share is never rounded up to all", () => {
  const words = new Words(CATALOGUES);
  words.choose("en");
  expect(words.percent(9_999 / 10_000)).toBe("99.9%");
});

test("the browser's language is respected, and the reader's choice before it", () => {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["fr-FR", "id-ID", "en-GB"]);
  expect(new Words(CATALOGUES).language).toBe("id");
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["en-AU"]);
  const words = new Words(CATALOGUES);
  expect(words.language).toBe("en");
  words.setCityLanguage("id");
  expect(words.language).toBe("en");
  words.choose("id");
  expect(new Words(CATALOGUES).language).toBe("id");
  vi.restoreAllMocks();
});

test("no two labels of an axis read alike", () => {
  const figure = (value: number, digits: number) => value.toFixed(digits);
  for (const step of [10, 1, 0.5, 0.25, 0.1, 0.02, 2.5]) {
    const ticks = [0, 1, 2, 3, 4].map((n) => 230 + n * step);
    expect(new Set(distinctFigures(ticks, figure)).size).toBe(5);
  }
  const ticks = [0, 12, 24, 36].map((hours) => hours * 3_600);
  const time = (seconds: number) => `${(seconds / 3_600) % 24}:00`;
  const day = (seconds: number) => `day ${Math.floor(seconds / 86_400)}`;
  expect(new Set(distinctTimes(ticks, time, day, false)).size).toBe(4);
});

test("an unknown reading is a gap in the chart, never 0", () => {
  const at = ["2026-11-23T12:05:00Z", "2026-11-23T12:06:00Z"];
  expect(plotted({ columns: { at, power_w: [null, 40] } }).slice(1)).toEqual([
    [null, 40],
    [null, null],
    [null, null],
  ]);
  expect(plotted({ columns: {} })).toEqual([[], [], [], []]);
});

test("quantities are called and written as the server declares them", () => {
  const words = new Words(CATALOGUES);
  words.choose("en");
  const title = { id: "Iluminansi", en: "Illuminance" };
  words.setQuantities([
    { name: "illuminance_lx", unit: "lx", decimals: 0, summary: "mean", title },
    { name: "status", unit: "", decimals: 0, summary: "none", title: { id: "Bit status", en: "Status bits" } },
  ]);
  expect(words.quantities().map(({ name }) => words.quantity(name))).toEqual(["Illuminance"]);
  expect(words.measured("illuminance_lx", 12.4)).toBe("12\u00a0lx");
  words.choose("id");
  expect(words.quantity("illuminance_lx")).toBe("Iluminansi");
  expect(words.quantity("of_a_newer_server")).toBe("of_a_newer_server");
  const at = ["2026-11-23T12:00:00Z"];
  expect(plotted({ columns: { at, power_w: [40], illuminance_lx: [12] } }, "illuminance_lx").slice(1)).toEqual([
    [40],
    [null],
    [12],
  ]);
});

test("the expected power follows the level that was asked for", () => {
  const at = ["2026-11-23T12:00:00Z", "2026-11-23T12:01:00Z", "2026-11-23T12:02:00Z"];
  expect(plotted({ columns: { at, power_w: [90, 45, 44], level: [100, 50, 255] } }, "voltage_v", 90)[2]).toEqual([
    90,
    45,
    null,
  ]);
});

test("another language is loaded when it is chosen, and the last choice counts", async () => {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["en-GB"]);
  const asked: string[] = [];
  const loaders = new Map(
    [...CATALOGUES].map(([code, catalogue]) => [
      code,
      async () => {
        asked.push(code);
        await Promise.resolve();
        return catalogue;
      },
    ]),
  );
  const words = new Words(new Map([["en", { "page.lamp": "Lamp" }]]), loaders);
  expect(words.isReady).toBe(true);
  expect(words.languages().map(({ code }) => code)).toEqual(["en", "id"]);
  expect(asked).toEqual([]);
  words.choose("id");
  words.choose("en");
  await vi.waitFor(() => {
    expect(asked).toContain("id");
  });
  await Promise.resolve();
  expect(words.say("lamp")).toBe("Lamp");
  words.choose("id");
  await vi.waitFor(() => {
    expect(words.say("lamp")).toBe("Lampu");
  });
  vi.restoreAllMocks();
});

test("a catalogue that does not come is asked for again", async () => {
  vi.spyOn(navigator, "languages", "get").mockReturnValue(["en-GB"]);
  let n_asked = 0;
  const load = () => {
    n_asked += 1;
    return n_asked === 1 ? Promise.reject(new Error("offline")) : Promise.resolve(CATALOGUES.get("en") ?? {});
  };
  const words = new Words(new Map(), new Map([["en", load]]));
  await words.complete();
  expect(words.isReady).toBe(false);
  await words.complete();
  expect(words.isReady).toBe(true);
  vi.restoreAllMocks();
});

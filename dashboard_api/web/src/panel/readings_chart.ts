/** A lamp's readings over time: power and voltage, each on its own axis, in the city's time. */

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { get, Problem, Unreachable } from "../city/api";
import type { Readings } from "../city/types";
import { fill, h } from "../dom";
import type { Word } from "../words/catalogues";
import type { Page } from "./page";

const HOUR_MS = 3_600_000;
const RANGES: readonly { word: Word; hours: number; every: string }[] = [
  { word: "last_night", hours: 12, every: "1m" },
  { word: "one_day", hours: 24, every: "5m" },
  { word: "one_week", hours: 168, every: "30m" },
];
const POWER = "#ffc978";
const VOLTAGE = "#56b4e9";
const HEIGHT_PX = 190;
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot declares this enum without its values
const RIGHT: uPlot.Axis.Side = 1;

type Column = (number | null)[];

/** Readings as uPlot takes them: seconds since 1970, W, V; what is unknown is a gap, never 0. */
export function plotted({ columns }: Pick<Readings, "columns">): uPlot.AlignedData {
  const at = (columns.at ?? []) as string[];
  const figures = (name: string) => (columns[name] as Column | undefined) ?? at.map(() => null);
  return [at.map((moment) => Date.parse(moment) / 1000), figures("power_w"), figures("voltage_v")];
}

export class ReadingsChart {
  readonly element = h("section", { class: "chart" });
  readonly #page: Page;
  readonly #frame = h("div", { class: "frame" });
  readonly #buttons = h("div", { class: "ranges", role: "group" });
  readonly #heading = h("h3");
  #lampId: string | null = null;
  #plot: uPlot | null = null;
  #range = 0;

  constructor(page: Page) {
    this.#page = page;
    this.element.append(this.#heading, this.#buttons, this.#frame);
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#width, height: HEIGHT_PX })).observe(this.#frame);
  }

  get #width(): number {
    return Math.max(240, this.#frame.clientWidth);
  }

  async show(lampId: string): Promise<void> {
    this.#lampId = lampId;
    await this.#load();
  }

  leave(): void {
    this.#lampId = null;
    this.#plot?.destroy();
    this.#plot = null;
  }

  #renderButtons(): void {
    const { words } = this.#page;
    fill(this.#heading, words.say("readings"));
    this.#buttons.setAttribute("aria-label", words.say("range"));
    const choose = (row: number) => () => {
      this.#range = row;
      void this.#load();
    };
    fill(
      this.#buttons,
      ...RANGES.map(({ word }, row) =>
        h("button", { "aria-pressed": String(row === this.#range), click: choose(row) }, words.say(word)),
      ),
    );
  }

  async #load(): Promise<void> {
    const lampId = this.#lampId;
    const range = RANGES[this.#range];
    if (lampId === null || !range) return;
    this.#renderButtons();
    const nowMs = this.#page.clock.nowMs();
    const query = new URLSearchParams({
      start: new Date(nowMs - range.hours * HOUR_MS).toISOString(),
      end: new Date(nowMs).toISOString(),
      every: range.every,
    });
    try {
      const path = `/lamps/${encodeURIComponent(lampId)}/readings?${query.toString()}`;
      const answer = await get<Readings>(path);
      if (this.#lampId === lampId) this.#draw(plotted(answer));
    } catch (error) {
      if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
      this.#say(error instanceof Problem ? error.message : this.#page.words.say("unreachable"));
    }
  }

  #say(text: string): void {
    this.#plot?.destroy();
    this.#plot = null;
    fill(this.#frame, h("p", { class: "empty" }, text));
  }

  #draw(data: uPlot.AlignedData): void {
    const { words, clock } = this.#page;
    if (data[0].length === 0) {
      this.#say(words.say("no_readings"));
      return;
    }
    this.#plot?.destroy();
    this.#frame.replaceChildren();
    const figure = (unit: string) => (_: uPlot, value: number | null) =>
      value === null ? "–" : `${words.figure(value)}\u00a0${unit}`;
    const axis = {
      stroke: "#93a1bb",
      grid: { stroke: "#18202f", width: 1 },
      ticks: { show: false },
      font: "11px 'Inter Variable', sans-serif",
    };
    const when = (seconds: number) => clock.time(seconds * 1000, words.locale);
    const moment = (_: uPlot, seconds: number | null) =>
      seconds === null ? "–" : clock.moment(seconds * 1000, words.locale);
    const isLong = (RANGES[this.#range]?.hours ?? 0) > 24;
    this.#plot = new uPlot(
      {
        width: this.#width,
        height: HEIGHT_PX,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), clock.timezone),
        scales: {
          w: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.1)] },
          v: { range: (_, low, high) => [low - 4, high + 4] },
        },
        series: [
          { value: moment, label: words.say("time") },
          {
            label: words.say("power"),
            scale: "w",
            stroke: POWER,
            width: 1.8,
            fill: "rgb(255 201 120 / 0.1)",
            value: figure("W"),
          },
          { label: words.say("voltage"), scale: "v", stroke: VOLTAGE, width: 1.3, value: figure("V") },
        ],
        axes: [
          { ...axis, ...(isLong ? {} : { values: (_: uPlot, ticks: number[]) => ticks.map(when) }) },
          { ...axis, scale: "w", size: 44, values: (_, ticks) => ticks.map((tick) => `${words.figure(tick, 0)} W`) },
          {
            ...axis,
            scale: "v",
            side: RIGHT,
            size: 48,
            grid: { show: false },
            values: (_, ticks) => ticks.map((tick) => `${words.figure(tick, 0)} V`),
          },
        ],
      },
      data,
      this.#frame,
    );
  }
}

/** A lamp's readings over time: power and a quantity of choice, each on its own axis, in the city's time. */

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
const POWER = "power_w";
const POWER_COLOUR = "#ffc978";
const OTHER_COLOUR = "#56b4e9";
const HEIGHT_PX = 190;
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot declares this enum without its values
const RIGHT: uPlot.Axis.Side = 1;

type Column = (number | null)[];

/** Power and another quantity as uPlot takes them, after seconds since 1970; what is unknown is a gap, never 0. */
export function plotted({ columns }: Pick<Readings, "columns">, other = "voltage_v"): uPlot.AlignedData {
  const at = (columns.at ?? []) as string[];
  const values = (name: string) => (columns[name] as Column | undefined) ?? at.map(() => null);
  return [at.map((moment) => Date.parse(moment) / 1000), values(POWER), values(other)];
}

export class ReadingsChart {
  readonly element = h("section", { class: "chart" });
  readonly #page: Page;
  readonly #frame = h("div", { class: "frame" });
  readonly #buttons = h("div", { class: "ranges", role: "group" });
  readonly #heading = h("h3");
  readonly #choice = h("select");
  #lampId: string | null = null;
  #plot: uPlot | null = null;
  #range = 0;
  #other = "voltage_v";
  #answer: Readings | null = null;

  constructor(page: Page) {
    this.#page = page;
    this.#choice.addEventListener("change", () => {
      this.#other = this.#choice.value;
      if (this.#answer) this.#draw(plotted(this.#answer, this.#other));
    });
    this.element.append(this.#heading, this.#buttons, this.#choice, this.#frame);
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
    this.#answer = null;
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
    this.#choice.setAttribute("aria-label", words.say("beside_power"));
    const others = words.quantities().filter(({ name }) => name !== POWER);
    fill(this.#choice, ...others.map(({ name }) => h("option", { value: name }, words.quantity(name))));
    this.#choice.value = this.#other;
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
      if (this.#lampId !== lampId) return;
      this.#answer = answer;
      this.#draw(plotted(answer, this.#other));
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
    const other = this.#other;
    const figure = (name: string) => (_: uPlot, value: number | null) =>
      value === null ? "–" : words.measured(name, value);
    const unit = words.quantities().find(({ name }) => name === other)?.unit ?? "";
    // volts and degrees need some room around them, shares and amperes a little
    const around = (low: number, high: number) => Math.max((high - low) * 0.1, Math.abs(high) * 0.02, 0.1);
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
          other: { range: (_, low, high) => [low - around(low, high), high + around(low, high)] },
        },
        series: [
          { value: moment, label: words.say("time") },
          {
            label: words.quantity(POWER),
            scale: "w",
            stroke: POWER_COLOUR,
            width: 1.8,
            fill: "rgb(255 201 120 / 0.1)",
            value: figure(POWER),
          },
          { label: words.quantity(other), scale: "other", stroke: OTHER_COLOUR, width: 1.3, value: figure(other) },
        ],
        axes: [
          { ...axis, ...(isLong ? {} : { values: (_: uPlot, ticks: number[]) => ticks.map(when) }) },
          { ...axis, scale: "w", size: 44, values: (_, ticks) => ticks.map((tick) => `${words.figure(tick, 0)} W`) },
          {
            ...axis,
            scale: "other",
            side: RIGHT,
            size: 58,
            grid: { show: false },
            values: (_, ticks) => ticks.map((tick) => `${words.figure(tick, 2)} ${unit}`),
          },
        ],
      },
      data,
      this.#frame,
    );
  }
}

/** Draws readings with uPlot. Nothing else imports it. */

import "uplot/dist/uPlot.min.css";
import uPlot from "uplot";
import { distinctFigures, distinctTimes } from "./axis_labels";
import type { Page } from "./page";

const POWER_COLOUR = "#ffc978";
const EXPECTED_COLOUR = "#93a1bb";
const OTHER_COLOUR = "#56b4e9";
const BESIDE_DASHES = [
  [1, 3],
  [9, 3, 2, 3],
]; // of one colour: told apart by their strokes
const LONGEST_LABEL = 24;
const SHORT_S = 600; // minutes of a lamp that is new: several ticks to a minute
const HEIGHT_PX = 200;
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot declares this enum without its values
const RIGHT: uPlot.Axis.Side = 1;

export class Plot {
  readonly #plot: uPlot;
  readonly #frame: HTMLElement;

  /** `data`: times, power, expected power, the other quantity; `beside`: the power of neighbours at the same times. */
  constructor(
    frame: HTMLElement,
    page: Page,
    other: string,
    data: uPlot.AlignedData,
    beside: readonly { id: string; column: (number | null)[] }[],
    isLong: boolean,
  ) {
    this.#frame = frame;
    const { words, clock } = page;
    const power = "power_w";
    const figure = (name: string) => (_: uPlot, value: number | null) =>
      value === null ? "–" : words.measured(name, value);
    const unit = words.quantities().find(({ name }) => name === other)?.unit ?? "";
    // volts and degrees need some room around them, shares and amperes a little
    const around = (low: number, high: number) => Math.max((high - low) * 0.1, Math.abs(high) * 0.02, 0.1);
    const style = getComputedStyle(frame);
    const axis = {
      stroke: style.color,
      grid: { stroke: style.borderTopColor, width: 1 },
      ticks: { show: false },
      font: `${Math.max(11, parseFloat(style.fontSize) * 0.75)}px system-ui, sans-serif`,
    };
    const label = (unitText: string) => (_: uPlot, ticks: number[]) =>
      distinctFigures(ticks, (value, digits) => `${words.figure(value, digits)} ${unitText}`.trim());
    const moment = (_: uPlot, seconds: number | null) =>
      seconds === null ? "–" : clock.moment(seconds * 1000, words.locale);
    const [times] = data;
    const isShort = Number(times.at(-1)) - Number(times[0]) < SHORT_S;
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
            label: words.quantity(power),
            scale: "w",
            stroke: POWER_COLOUR,
            width: 1.8,
            fill: "rgb(255 201 120 / 0.1)",
            value: figure(power),
          },
          {
            label: words.say("expected_power"),
            scale: "w",
            stroke: EXPECTED_COLOUR,
            width: 1.2,
            dash: [5, 4],
            value: figure(power),
          },
          { label: words.quantity(other), scale: "other", stroke: OTHER_COLOUR, width: 1.3, value: figure(other) },
          ...beside.map(({ id }, row) => ({
            label: id.length > LONGEST_LABEL ? `${id.slice(0, LONGEST_LABEL - 1)}…` : id,
            scale: "w",
            stroke: EXPECTED_COLOUR,
            width: 1,
            dash: BESIDE_DASHES[row % BESIDE_DASHES.length] ?? [],
            spanGaps: true,
            value: figure(power),
          })),
        ],
        axes: [
          {
            ...axis,
            space: isLong || isShort ? 110 : 50, // such labels carry the day
            values: (_, ticks) =>
              distinctTimes(
                ticks,
                (seconds) => clock.time(seconds * 1000, words.locale),
                (seconds) => clock.shortDay(seconds * 1000, words.locale),
                isLong,
              ),
          },
          { ...axis, scale: "w", size: 56, values: label("W") },
          { ...axis, scale: "other", side: RIGHT, size: 62, grid: { show: false }, values: label(unit) },
        ],
      },
      [...data, ...beside.map(({ column }) => column)] as uPlot.AlignedData,
      frame,
    );
  }

  get #width(): number {
    return Math.max(240, this.#frame.clientWidth);
  }

  resize(): void {
    this.#plot.setSize({ width: this.#width, height: HEIGHT_PX });
  }

  destroy(): void {
    this.#plot.destroy();
  }
}

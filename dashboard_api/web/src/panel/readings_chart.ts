/** A lamp's readings over time: power with what was to be expected behind it, and any other quantity beside it. */

import { html, render } from "lit-html";
import { get, isExpected, Problem } from "../city/api";
import type { Readings } from "../city/types";
import type { Word } from "../words/catalogues";
import { choice, type Page } from "./page";
import type { Plot } from "./readings_plot";

const HOUR_MS = 3_600_000;
const RANGES: readonly { word: Word; hours: number; every: string }[] = [
  { word: "last_night", hours: 12, every: "1m" },
  { word: "one_day", hours: 24, every: "5m" },
  { word: "one_week", hours: 168, every: "30m" },
];
export const POWER = "power_w";

type Column = (number | null)[];

/**
 * Seconds since 1970, power, the power that the asked level leads to expect (rated power times level), and another
 * quantity, as uPlot takes them; what is unknown is a gap, never 0.
 */
export function plotted(
  { columns }: Pick<Readings, "columns">,
  other = "voltage_v",
  ratedW: number | null = null,
): [number[], Column, Column, Column] {
  const at = (columns.at ?? []) as string[];
  const values = (name: string) => (columns[name] as Column | undefined) ?? at.map(() => null);
  const expected = values("level").map((level) =>
    level === null || level > 100 || ratedW === null ? null : (ratedW * level) / 100,
  );
  return [at.map((moment) => Date.parse(moment) / 1000), values(POWER), expected, values(other)];
}

/** Whether a column holds any figure at all. */
export function hasFigures(column: readonly (number | null)[]): boolean {
  return column.some((value) => value !== null);
}

export class ReadingsChart {
  readonly element = document.createElement("section");
  readonly #page: Page;
  readonly #frame = document.createElement("div");
  #lampId: string | null = null;
  #plot: Plot | null = null;
  #range = 0;
  #other = "voltage_v";
  #ratedW: number | null = null;
  #answer: Readings | null = null;

  constructor(page: Page) {
    this.#page = page;
    this.element.className = "chart";
    this.#frame.className = "frame";
    new ResizeObserver(() => this.#plot?.resize()).observe(this.#frame);
  }

  show(lampId: string): void {
    if (this.#lampId !== lampId) {
      this.#answer = null;
      this.#ratedW = null;
      this.#say(this.#page.words.say("loading"));
    }
    this.#lampId = lampId;
    this.renderHead();
    void this.#load();
  }

  /** The lamp's rated power, from which the expected one is reckoned. */
  expect(ratedW: number | null): void {
    if (ratedW === this.#ratedW) return;
    this.#ratedW = ratedW;
    void this.#draw();
  }

  leave(): void {
    this.#lampId = null;
    this.#plot?.destroy();
    this.#plot = null;
    this.#answer = null;
  }

  /** Draw the choices anew: in another language, or once the quantities are known. */
  renderHead(): void {
    const { words } = this.#page;
    const others = words.quantities().filter(({ name }) => name !== POWER);
    const ranges = RANGES.map(({ word }, row) => [row, words.say(word)] as const);
    render(
      html`<h3>${words.say("readings")}</h3>
        ${choice(words.say("range"), ranges, this.#range, (row) => {
          this.#range = row;
          this.renderHead();
          void this.#load();
        })}
        <select
          aria-label=${words.say("beside_power")}
          @change=${(event: Event) => {
            this.#other = (event.target as HTMLSelectElement).value;
            void this.#draw();
          }}
        >
          ${others.map(
            ({ name }) =>
              html`<option value=${name} ?selected=${name === this.#other}>${words.quantity(name)}</option>`,
          )}
        </select>
        ${this.#frame}`,
      this.element,
    );
  }

  async #load(): Promise<void> {
    const lampId = this.#lampId;
    const range = RANGES[this.#range];
    if (lampId === null || !range) return;
    const nowMs = this.#page.clock.nowMs();
    const query = new URLSearchParams({
      start: new Date(nowMs - range.hours * HOUR_MS).toISOString(),
      end: new Date(nowMs).toISOString(),
      every: range.every,
    });
    try {
      const answer = await get<Readings>(`/lamps/${encodeURIComponent(lampId)}/readings?${query.toString()}`);
      if (this.#lampId !== lampId || RANGES[this.#range] !== range) return;
      this.#answer = answer;
      this.renderHead();
      await this.#draw();
    } catch (error) {
      if (isExpected(error) && this.#lampId === lampId)
        this.#say(error instanceof Problem ? error.message : this.#page.words.say("unreachable"));
    }
  }

  #say(text: string): void {
    this.#plot?.destroy();
    this.#plot = null;
    render(html`<p class="empty">${text}</p>`, this.#frame);
  }

  async #draw(): Promise<void> {
    const answer = this.#answer;
    const lampId = this.#lampId;
    if (!answer || lampId === null) return;
    const data = plotted(answer, this.#other, this.#ratedW);
    if (!data.slice(1).some((column) => hasFigures(column))) {
      this.#say(this.#page.words.say("no_readings")); // rows without a figure make an empty chart with an invented axis
      return;
    }
    const { Plot } = await import("./readings_plot");
    if (this.#lampId !== lampId) return;
    this.#plot?.destroy();
    render(html``, this.#frame);
    const isLong = (RANGES[this.#range]?.hours ?? 0) > 24;
    this.#plot = new Plot(this.#frame, this.#page, this.#other, data, isLong);
  }
}

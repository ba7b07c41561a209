/** A lamp's readings over time: power with what was to be expected behind it, and any other quantity beside it. */

import { html, render, type TemplateResult } from "lit-html";
import { get, isExpected, Problem } from "../city/api";
import type { Readings } from "../city/types";
import type { Word } from "../words/catalogues";
import { neighboursOf, type Neighbour } from "./neighbours";
import { choice, href, nothing, type Page } from "./page";
import type { Plot } from "./readings_plot";
import { bulb } from "./sign";

const HOUR_MS = 3_600_000;
const RANGES: readonly { word: Word; hours: number; every: string }[] = [
  { word: "last_night", hours: 12, every: "1m" },
  { word: "one_day", hours: 24, every: "5m" },
  { word: "one_week", hours: 168, every: "30m" },
];
const STEPS_MS: Record<string, number> = { "1m": 60_000, "5m": 300_000, "30m": 1_800_000 };
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

/** Another lamp's power at the times of this one's readings. */
export function alongside(at: readonly number[], { columns }: Pick<Readings, "columns">): Column {
  const power = (columns[POWER] ?? []) as Column;
  const known = new Map(
    ((columns.at ?? []) as string[]).map((moment, row) => [Date.parse(moment) / 1000, power[row] ?? null]),
  );
  return at.map((seconds) => known.get(seconds) ?? null);
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
  #cabinetId: string | null = null;
  #neighbours: readonly Neighbour[] = [];
  #beside = new Map<string, Readings>();

  constructor(page: Page) {
    this.#page = page;
    this.element.className = "chart";
    this.#frame.className = "frame";
    new ResizeObserver(() => this.#plot?.resize()).observe(this.#frame);
  }

  /** Show a lamp's readings; with those of its neighbours once `besideOf` has named its cabinet. */
  show(lampId: string): void {
    if (this.#lampId !== lampId) {
      this.#answer = null;
      this.#cabinetId = null;
      this.#neighbours = [];
      this.#beside.clear();
      this.#ratedW = null;
      this.#say(this.#page.words.say("loading"));
    }
    this.#lampId = lampId;
    this.renderHead();
    void this.#load();
  }

  /** The lamp's cabinet, on whose circuit its neighbours are. */
  besideOf(cabinetId: string | null): void {
    if (cabinetId === this.#cabinetId) return;
    this.#cabinetId = cabinetId;
    void this.#loadNeighbours();
  }

  async #loadNeighbours(): Promise<void> {
    const lampId = this.#lampId;
    const cabinetId = this.#cabinetId;
    if (lampId === null || cabinetId === null) return;
    if (this.#neighbours.length === 0) this.#neighbours = await neighboursOf(lampId, cabinetId);
    if (this.#lampId !== lampId) return;
    this.renderHead();
    const range = this.#range;
    for (const { lampId: id } of this.#neighbours) {
      try {
        const answer = await get<Readings>(this.#path(id));
        if (this.#lampId !== lampId || this.#range !== range) return;
        this.#beside.set(id, answer);
      } catch (error) {
        isExpected(error); // the lamp's own readings are what counts
      }
    }
    void this.#draw();
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
          this.#beside.clear();
          this.renderHead();
          void this.#load().then(() => this.#loadNeighbours());
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
        ${this.#frame} ${this.#neighboursTemplate()}`,
      this.element,
    );
  }

  #neighboursTemplate(): TemplateResult | typeof nothing {
    const { words } = this.#page;
    if (this.#neighbours.length === 0) return nothing;
    return html`<nav class="neighbours" aria-label=${words.say("neighbours")}>
      ${this.#neighbours.map(
        ({ lampId, state, isAfter }) =>
          html`<a class="button" data-view="lamp" href=${href({ view: "lamp", id: lampId })}
            ><span class="soft">${words.say(isAfter ? "next_lamp" : "lamp_before")}</span> ${bulb(state)}
            <span dir="auto">${lampId}</span><span class="soft">${words.say(state)}</span></a
          >`,
      )}
    </nav>`;
  }

  #path(lampId: string): string {
    const range = RANGES[this.#range] ?? RANGES[0];
    const nowMs = this.#page.clock.nowMs();
    const stepMs = STEPS_MS[range?.every ?? "1m"] ?? 60_000;
    const endMs = Math.ceil(nowMs / stepMs) * stepMs; // so that neighbours are averaged over the same minutes
    const query = new URLSearchParams({
      start: new Date(endMs - (range?.hours ?? 12) * HOUR_MS).toISOString(),
      end: new Date(endMs).toISOString(),
      every: range?.every ?? "1m",
    });
    return `/lamps/${encodeURIComponent(lampId)}/readings?${query.toString()}`;
  }

  async #load(): Promise<void> {
    const lampId = this.#lampId;
    const range = RANGES[this.#range];
    if (lampId === null || !range) return;
    try {
      const answer = await get<Readings>(this.#path(lampId));
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
    // readings may come before what the rest of the view shows; colours and letters are known once it stands
    while (this.#lampId === lampId && !this.#frame.isConnected)
      await new Promise((done) => window.requestAnimationFrame(done));
    if (this.#lampId !== lampId) return;
    this.#plot?.destroy();
    render(html``, this.#frame);
    const isLong = (RANGES[this.#range]?.hours ?? 0) > 24;
    const beside = [...this.#beside].map(([id, readings]) => ({ id, column: alongside(data[0], readings) }));
    this.#plot = new Plot(this.#frame, this.#page, this.#other, data, beside, isLong);
  }
}

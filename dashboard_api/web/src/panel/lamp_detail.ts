/** One lamp: its entry in the register, what it does now, its faults, and its readings as a chart. */

import { get, Problem, Unreachable } from "../city/api";
import type { LampAnswer } from "../city/types";
import { fill, h } from "../dom";
import { familyOf, isFresh, SEVERITY_COLOUR, signElement } from "../map/icons";
import { backButton, facts, type Fact } from "./facts";
import type { Page } from "./page";
import { ReadingsChart } from "./readings_chart";

export class LampDetail {
  readonly element = h("article", { class: "detail", tabindex: -1 });
  readonly #page: Page;
  readonly #chart: ReadingsChart;
  #id: string | null = null;
  #answer: LampAnswer | null = null;

  constructor(page: Page) {
    this.#page = page;
    this.#chart = new ReadingsChart(page);
  }

  get id(): string | null {
    return this.#id;
  }

  async show(id: string): Promise<void> {
    this.#id = id;
    this.#answer = null;
    this.render();
    void this.#chart.show(id);
    await this.refresh();
  }

  /** Ask for the lamp's latest reading and faults. */
  async refresh(): Promise<void> {
    const id = this.#id;
    if (id === null) return;
    try {
      const answer = await get<LampAnswer>(`/lamps/${encodeURIComponent(id)}`);
      if (this.#id !== id) return; // the reader went on meanwhile
      this.#answer = answer;
      this.render();
    } catch (error) {
      if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    }
  }

  leave(): void {
    this.#id = null;
    this.#chart.leave();
  }

  render(): void {
    const id = this.#id;
    if (id === null) return;
    const { words, states } = this.#page;
    const lamp = this.#page.lampOf(id)?.properties;
    const state = states.get(id)?.state ?? "silent";
    fill(
      this.element,
      backButton(this.#page),
      h(
        "header",
        { class: "headline" },
        h("span", { class: `bulb ${state}`, "aria-hidden": "true" }),
        h(
          "div",
          {},
          h("h2", {}, id),
          h("p", { class: "place" }, [lamp?.street, lamp?.district].filter(Boolean).join(" · ")),
          h("p", { class: "tags" }, h("span", { class: "tag" }, words.say(state))),
        ),
      ),
      this.#faults(),
      lamp?.is_monitored === false ? h("p", {}, words.say("not_metered")) : this.#now(),
      this.#chart.element,
      h("section", {}, h("h3", {}, words.say("register_entry")), this.#register()),
    );
  }

  #now(): HTMLElement | null {
    const { words, clock } = this.#page;
    const latest = this.#answer?.latest;
    if (!latest) return null;
    const rows: Fact[] = [
      ...words.quantities().map(({ name }): Fact => {
        const value = (latest as Record<string, unknown>)[name];
        return [words.quantity(name), typeof value === "number" ? words.measured(name, value) : null];
      }),
      [words.say("last_heard"), latest.at ? clock.moment(Date.parse(latest.at), words.locale) : null],
    ];
    return h("section", {}, h("h3", {}, words.say("now")), facts(rows));
  }

  #register(): HTMLElement {
    const { words } = this.#page;
    const lamp = this.#page.lampOf(this.#id ?? "")?.properties;
    const rated = lamp?.rated_power_w;
    return facts([
      [words.say("technology"), lamp?.technology],
      [words.say("rated_power"), rated === null || rated === undefined ? null : `${words.figure(rated)}\u00a0W`],
      [words.say("cabinet"), lamp?.cabinet_id && this.#page.cabinetName(lamp.cabinet_id)],
      [words.say("circuit"), lamp?.circuit],
      [words.say("position"), lamp?.position],
      ...Object.entries(this.#answer?.extra ?? {}).map(([name, value]): Fact => [
        name,
        typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value),
      ]),
    ]);
  }

  #faults(): HTMLElement | null {
    const { words, faults } = this.#page;
    const open = faults.all().filter((fault) => fault.lamp_ids.includes(this.#id ?? ""));
    if (open.length === 0) return null;
    const rows = open.map((fault) =>
      h(
        "button",
        {
          class: "row",
          click: () => {
            this.#page.showFault(fault.id);
          },
        },
        signElement(familyOf(fault), SEVERITY_COLOUR[fault.severity], isFresh(fault.state)),
        h(
          "span",
          { class: "what" },
          h("strong", {}, words.title(fault.code)),
          h("span", { class: "place" }, words.say(fault.state)),
        ),
      ),
    );
    return h("section", {}, h("h3", {}, words.say("open_faults")), ...rows);
  }
}

/** One lamp: what it does now and why, asked beside accepted and measured, its readings, its entry in the register. */

import { html, type TemplateResult } from "lit-html";
import { get, isExpected, Problem } from "../city/api";
import { lampState, type LampAnswer, type LampState } from "../city/types";
import type { Word } from "../words/catalogues";
import { DimForm } from "./dim_form";
import { faultRow } from "./fault_list";
import { MaintenanceForm } from "./maintenance_form";
import { backButton, cabinetName, darkeningFault, facts, href, nothing, type Fact, type Page, type View } from "./page";
import { ReadingsChart } from "./readings_chart";
import { bulb } from "./sign";

const FRESH_MS = 15 * 60_000;

export class LampView implements View {
  readonly #page: Page;
  readonly #chart: ReadingsChart;
  readonly #dim: DimForm;
  readonly #maintenance: MaintenanceForm;
  #id = "";
  #answer: LampAnswer | null = null;
  #trouble: Word | "" = "";

  constructor(page: Page) {
    this.#page = page;
    this.#chart = new ReadingsChart(page);
    this.#dim = new DimForm(
      page,
      () => {
        void this.#refresh();
      },
      () => this.#measuredPower(),
    );
    this.#maintenance = new MaintenanceForm(page);
  }

  show(id: string): void {
    this.#id = id;
    this.#answer = null;
    this.#trouble = "";
    this.#dim.show({ lamp_ids: [id] });
    this.#maintenance.show({ lamp_id: id });
    void this.#refresh();
    this.#chart.show(id);
  }

  leave(): void {
    this.#id = "";
    this.#chart.leave();
    this.#dim.leave();
  }

  hear(): void {
    if (this.#id) void this.#refresh();
  }

  hearLamps(): void {
    if (this.#id) void this.#refresh();
  }

  get isTroubled(): boolean {
    return this.#trouble === "unreachable";
  }

  retry(): void {
    if (this.#id) void this.#refresh();
  }

  async #refresh(): Promise<void> {
    const id = this.#id;
    try {
      const answer = await get<LampAnswer>(`/lamps/${encodeURIComponent(id)}`);
      if (this.#id !== id) return; // the reader went on meanwhile
      const { longitude, latitude } = answer as Partial<LampAnswer>;
      if (!this.#answer && longitude !== undefined && latitude !== undefined)
        this.#page.showPlace([longitude, latitude]);
      this.#answer = answer;
      this.#trouble = "";
      this.#chart.expect(answer.rated_power_w);
      this.#chart.besideOf(answer.cabinet_id);
    } catch (error) {
      if (isExpected(error) && id === this.#id) this.#trouble = error instanceof Problem ? "lamp_gone" : "unreachable";
    }
    this.#page.redraw();
  }

  /** Its state as its meter, its cabinet or a fault that stands on it say. */
  get #state(): LampState {
    const answer = this.#answer;
    if (!answer) return "silent";
    const state = (answer as { state?: unknown }).state ?? answer.latest?.state;
    return state === undefined && answer.cabinet_id === null ? "unmetered" : lampState(state);
  }

  template(): TemplateResult {
    const page = this.#page;
    const { words } = page;
    const answer = this.#answer;
    const state = this.#state;
    return html`<article class="detail" tabindex="-1">
      ${backButton(page)}
      <header class="headline">
        ${bulb(state)}
        <div>
          <h2 dir="auto">${this.#id}</h2>
          <p class="place" dir="auto">${[answer?.street, answer?.district].filter(Boolean).join(" · ")}</p>
          <p class="tags"><span class="tag" data-lamp-state=${state}>${answer ? words.say(state) : ""}</span></p>
        </div>
      </header>
      ${answer ? this.#body(answer) : html`<p class="empty">${words.say(this.#trouble || "loading")}</p>`}
    </article>`;
  }

  #body(answer: LampAnswer): TemplateResult {
    const page = this.#page;
    const { words } = page;
    this.#chart.renderHead();
    const why = darkeningFault(answer.faults, page);
    return html`
      ${this.#trouble ? html`<p class="message error">${words.say(this.#trouble)}</p>` : nothing}
      ${why && why.level !== "lamp" ? html`<p class="repair bad">${words.say("dark_by", { what: words.title(why.code) })}</p>` : nothing}
      ${
        answer.faults.length > 0
          ? html`<section>
              <h3>${words.say("open_faults")}</h3>
              ${answer.faults.map((fault) => faultRow(fault, page))}
            </section>`
          : nothing
      }
      ${answer.cabinet_id === null ? html`<p>${words.say("not_metered")}</p>` : this.#now(answer, why !== undefined)}
      ${answer.dimmable ? this.#dim.template() : nothing} ${this.#chart.element} ${this.#maintenance.template()}
      <section>
        <h3>${words.say("register_entry")}</h3>
        ${this.#register(answer)}
      </section>
    `;
  }

  /** What the lamp draws, and when that was measured. */
  #measuredPower(): string | null {
    const { words, clock } = this.#page;
    const latest = this.#answer?.latest as Record<string, unknown> | null | undefined;
    const { power_w: power, at } = latest ?? {};
    if (typeof power !== "number" || typeof at !== "string") return null;
    return `${words.measured("power_w", power)} · ${clock.moment(Date.parse(at), words.locale)}`;
  }

  /** What was measured: as the present where it is fresh, else as the last that was heard. */
  #now(answer: LampAnswer, isDark: boolean): TemplateResult {
    const { words, clock } = this.#page;
    const { latest } = answer;
    const values = latest as Record<string, unknown> | null;
    const measured = words
      .quantities()
      .filter(({ name }) => name !== "level")
      .map(({ name }): Fact => {
        const value = values?.[name];
        return [words.quantity(name), typeof value === "number" ? words.measured(name, value) : null];
      });
    const hasValues = measured.some(([, value]) => value !== null);
    const atMs = latest?.at ? Date.parse(latest.at) : NaN;
    const isFresh = hasValues && clock.nowMs() - atMs < FRESH_MS;
    const at = Number.isNaN(atMs) ? null : clock.moment(atMs, words.locale);
    const level = values?.level;
    const expected = values?.expected_power_w;
    const asked: Fact[] = [
      [words.say("asked_level"), typeof level === "number" ? `${words.figure(level, 0)}\u00a0%` : null],
      [
        words.say("expected_power"),
        typeof expected === "number" && !isDark ? words.measured("power_w", expected) : null,
      ],
    ];
    return html`<section class="now">
        <h3>${words.say(isFresh ? "measured_now" : "measured_last")}</h3>
        ${
          hasValues
            ? facts([...measured, [words.say("measured_at"), at]])
            : html`<p>${words.say("nothing_measured")}${at ? ` ${words.say("last_contact", { t: at })}` : ""}</p>`
        }
      </section>
      <section>
        <h3>${words.say("asked")}</h3>
        ${facts(asked)}
      </section>`;
  }

  #register(lamp: LampAnswer): TemplateResult {
    const page = this.#page;
    const { words } = page;
    const rated = lamp.rated_power_w;
    const cabinet = lamp.cabinet_id;
    return facts([
      [words.say("technology"), lamp.technology],
      [words.say("rated_power"), rated === null ? null : `${words.figure(rated)}\u00a0W`],
      [
        words.say("cabinet"),
        cabinet === null
          ? null
          : html`<a data-view="cabinet" href=${href({ view: "cabinet", id: cabinet })}
              >${cabinetName(cabinet, page)}</a
            >`,
      ],
      [words.say("circuit"), lamp.circuit],
      [words.say("position"), lamp.position],
      ...Object.entries(lamp.extra).map(([name, value]): Fact => [
        name,
        typeof value === "string" || typeof value === "number" ? value : JSON.stringify(value),
      ]),
    ]);
  }
}

/** One cabinet: its circuits as lines of lamps in order, its faults, its energy by month with the supply account. */

import { html, type TemplateResult } from "lit-html";
import { get, isExpected, Problem } from "../city/api";
import { timeFormat } from "../city/formats";
import { lampState, type CabinetAnswer, type CabinetLamps, type Energy } from "../city/types";
import type { Word } from "../words/catalogues";
import { DimForm } from "./dim_form";
import { faultRow } from "./fault_list";
import { MaintenanceForm } from "./maintenance_form";
import { backButton, facts, href, nothing, type Fact, type Page, type View } from "./page";

const YEAR_MS = 365 * 86_400_000;

export class CabinetView implements View {
  readonly #page: Page;
  readonly #dim: DimForm;
  readonly #maintenance: MaintenanceForm;
  #id = "";
  #answer: CabinetAnswer | null = null;
  #lamps: CabinetLamps | null = null;
  #energy: Energy | null = null;
  #trouble: Word | "" = "";

  constructor(page: Page) {
    this.#page = page;
    this.#dim = new DimForm(page, () => {
      this.retry();
    });
    this.#maintenance = new MaintenanceForm(page);
  }

  show(id: string): void {
    this.#id = id;
    this.#answer = this.#lamps = this.#energy = null;
    this.#trouble = "";
    this.#dim.show({ cabinet_id: id });
    this.#maintenance.show({ cabinet_id: id });
    this.retry();
    void this.#askEnergy();
  }

  leave(): void {
    this.#id = "";
    this.#dim.leave();
  }

  hear(): void {
    this.retry();
  }

  hearLamps(): void {
    this.retry();
  }

  get isTroubled(): boolean {
    return this.#trouble === "unreachable";
  }

  retry(): void {
    if (this.#id) void this.#refresh();
  }

  async #refresh(): Promise<void> {
    const id = this.#id;
    const path = `/cabinets/${encodeURIComponent(id)}`;
    try {
      const [answer, lamps] = await Promise.all([get<CabinetAnswer>(path), get<CabinetLamps>(`${path}/lamps`)]);
      if (id !== this.#id) return;
      const { longitude, latitude } = answer;
      if (!this.#answer && longitude !== null && latitude !== null) this.#page.showPlace([longitude, latitude]);
      this.#answer = answer;
      this.#lamps = lamps;
      this.#trouble = "";
    } catch (error) {
      if (isExpected(error) && id === this.#id)
        this.#trouble = error instanceof Problem ? "cabinet_gone" : "unreachable";
    }
    this.#page.redraw();
  }

  async #askEnergy(): Promise<void> {
    const id = this.#id;
    const start = new Date(this.#page.clock.nowMs() - YEAR_MS).toISOString();
    try {
      const query = new URLSearchParams({ every: "month", start });
      const energy = await get<Energy>(`/cabinets/${encodeURIComponent(id)}/energy?${query.toString()}`);
      if (id === this.#id) this.#energy = energy;
    } catch (error) {
      isExpected(error);
    }
    this.#page.redraw();
  }

  template(): TemplateResult {
    const page = this.#page;
    const { words } = page;
    const answer = this.#answer;
    return html`<article class="detail" tabindex="-1">
      ${backButton(page)}
      <header class="headline">
        <div>
          <h2 dir="auto">${answer?.name ?? this.#id}</h2>
          <p class="place" dir="auto">
            ${[words.say("cabinet"), this.#id, answer?.district].filter(Boolean).join(" · ")}
          </p>
        </div>
      </header>
      ${answer ? this.#body(answer) : html`<p class="empty">${words.say(this.#trouble || "loading")}</p>`}
    </article>`;
  }

  #body(answer: CabinetAnswer): TemplateResult {
    const page = this.#page;
    const { words, clock } = page;
    const seen = answer.last_seen ? clock.moment(Date.parse(answer.last_seen), words.locale) : null;
    const rows: Fact[] = [
      [words.say("controller"), answer.controller_id],
      [words.say("connection"), answer.online === null ? null : words.say(answer.online ? "is_online" : "is_offline")],
      [words.say("last_heard"), seen],
      [words.say("supply_account"), answer.supply_account],
      [words.say("supply_va"), answer.supply_va === null ? null : `${words.figure(answer.supply_va, 0)}\u00a0VA`],
      [words.say("transformer"), answer.transformer],
    ];
    return html`
      ${this.#trouble ? html`<p class="message error">${words.say(this.#trouble)}</p>` : nothing}
      ${
        answer.faults.length > 0
          ? html`<section>
              <h3>${words.say("open_faults_here")}</h3>
              ${answer.faults.slice(0, 20).map((fault) => faultRow(fault, page))}
            </section>`
          : nothing
      }
      ${this.#circuits()}
      <section>
        <h3>${words.say("register_entry")}</h3>
        ${facts(rows)}
      </section>
      ${this.#energyTable(answer)} ${this.#dim.template()} ${this.#maintenance.template()}
    `;
  }

  /** Each circuit as its poles in order. */
  #circuits(): TemplateResult | typeof nothing {
    const { words } = this.#page;
    const columns = this.#lamps?.columns;
    if (!columns) return nothing;
    const circuits = new Map<string, number[]>();
    (columns.circuit as (string | null)[]).forEach((circuit, row) => {
      const rows = circuits.get(circuit ?? "") ?? [];
      rows.push(row);
      circuits.set(circuit ?? "", rows);
    });
    const pole = (row: number) => {
      const id = String(columns.lamp_id?.[row]);
      const state = lampState(columns.state?.[row]);
      const position = columns.position?.[row] as number | null | undefined;
      const name = `${position ?? ""} ${id}, ${words.say(state)}`.trim();
      return html`<li>
        <a class="pole" data-view="lamp" href=${href({ view: "lamp", id })} title=${name} aria-label=${name}
          ><span class="bulb ${state}"></span
        ></a>
      </li>`;
    };
    return html`<section class="circuits">
      <h3>${words.say("circuits")}</h3>
      ${[...circuits].map(
        ([circuit, rows]) =>
          html`<h4>
              ${circuit ? `${words.say("circuit")} ${circuit}` : words.say("no_circuit")} ·
              ${words.say("n_lamps", { n: rows.length })}
            </h4>
            <ol class="poles">
              ${rows.map(pole)}
            </ol>`,
      )}
    </section>`;
  }

  #energyTable(answer: CabinetAnswer): TemplateResult | typeof nothing {
    const { words } = this.#page;
    const items = this.#energy?.items ?? [];
    if (items.length === 0) return nothing;
    const month = timeFormat(words.locale, { month: "short", year: "numeric", timeZone: "UTC" });
    const kwh = (value: number) => words.figure(value, 1);
    return html`<section class="energy">
      <h3>${words.say("energy")}</h3>
      <table>
        <caption>
          ${answer.supply_account ? `${words.say("supply_account")} ${answer.supply_account} · ` : ""}kWh
        </caption>
        <thead>
          <tr>
            <th scope="col">${words.say("month")}</th>
            <th scope="col">${words.say("measured")}</th>
            <th scope="col">${words.say("estimated")}</th>
            <th scope="col">${words.say("total")}</th>
          </tr>
        </thead>
        <tbody>
          ${items.map((each) => {
            const estimated = each.interpolated_kwh + each.estimated_kwh;
            return html`<tr>
              <th scope="row">${month.format(Date.parse(`${each.start}-01T00:00:00Z`))}</th>
              <td>${kwh(each.measured_kwh)}</td>
              <td>${kwh(estimated)}</td>
              <td>${kwh(each.measured_kwh + estimated)}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </section>`;
  }
}

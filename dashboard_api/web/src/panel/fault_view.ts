/** One fault: what is known, why it is believed, what to bring, what has happened, and what can be done. */

import { html, type TemplateResult } from "lit-html";
import { get, isExpected, Problem } from "../city/api";
import { lasting } from "../city/clock";
import type { Fault } from "../city/types";
import { familyOf, isFresh } from "../map/icons";
import type { Word } from "../words/catalogues";
import { EvidenceWords } from "../words/evidence_words";
import { Actions } from "./actions";
import {
  ageSeconds,
  backButton,
  cabinetName,
  facts,
  href,
  nothing,
  placeOf,
  type Fact,
  type Page,
  type View,
} from "./page";
import { ReadingsChart } from "./readings_chart";
import { sign } from "./sign";
import { timelineTemplate } from "./timeline";

const LAMPS_SHOWN = 12;

export class FaultView implements View {
  readonly #page: Page;
  readonly #chart: ReadingsChart;
  readonly #actions: Actions;
  readonly #words: EvidenceWords;
  #id = "";
  #fault: Fault | null = null;
  #trouble: Word | "" = "";

  constructor(page: Page) {
    this.#page = page;
    this.#chart = new ReadingsChart(page);
    this.#words = new EvidenceWords(page.words, page.clock);
    this.#actions = new Actions(page, (after) => {
      if (after?.id === this.#id) {
        this.#fault = { ...after, timeline: this.#fault?.timeline ?? [] };
        page.faults.take(after);
      }
      void this.#refresh();
    });
  }

  /** Show a fault as the list knows it, then with its timeline as the server has it. */
  show(id: string): void {
    this.#id = id;
    this.#trouble = "";
    this.#fault = this.#page.faults.get(id) ?? null;
    this.#actions.show(id);
    if (this.#fault) this.#showPlace();
    this.#showChart();
    void this.#refresh();
  }

  leave(): void {
    this.#id = "";
    this.#fault = null;
    this.#chart.leave();
  }

  /** Something was heard of a fault: if it is this one, show it as it is. */
  hear(fault: Fault): void {
    if (fault.id === this.#id && fault.version !== this.#fault?.version) void this.#refresh();
  }

  get isTroubled(): boolean {
    return this.#trouble === "unreachable";
  }

  /** The connection is back: what was missed is asked for. */
  retry(): void {
    if (this.#id) void this.#refresh();
  }

  async #refresh(): Promise<void> {
    const id = this.#id;
    try {
      const fault = await get<Fault>(`/faults/${encodeURIComponent(id)}`);
      if (id !== this.#id) return; // the reader went on meanwhile
      const isFirst = this.#fault === null;
      const isNewer = fault.version !== this.#fault?.version;
      this.#fault = fault;
      this.#trouble = "";
      this.#page.faults.take(fault);
      if (isFirst) this.#showPlace();
      if (isFirst || isNewer) this.#showChart(); // a repair shows in the readings
    } catch (error) {
      if (isExpected(error) && id === this.#id) this.#trouble = error instanceof Problem ? "fault_gone" : "unreachable";
    }
    this.#page.redraw();
  }

  #showPlace(): void {
    if (!this.#fault) return;
    const { longitude, latitude } = this.#fault;
    if (longitude !== null && latitude !== null) this.#page.showPlace([longitude, latitude], this.#fault);
  }

  #showChart(): void {
    if (this.#fault?.level !== "lamp" || !this.#fault.lamp_id) return;
    this.#chart.show(this.#fault.lamp_id);
    this.#chart.besideOf(this.#fault.cabinet_id);
  }

  template(): TemplateResult {
    const page = this.#page;
    const { words } = page;
    const fault = this.#fault;
    if (!fault)
      return html`<article class="detail" tabindex="-1">
        ${backButton(page)}
        <h2>${words.say("fault")}</h2>
        <p class="empty">${words.say(this.#trouble || "loading")}</p>
      </article>`;
    if (fault.level === "lamp") this.#chart.renderHead();
    const advice = words.advice(fault.code, fault.advice);
    return html`<article class="detail" tabindex="-1">
      ${backButton(page)} ${this.#head(fault)} ${this.#repair(fault)}
      ${this.#trouble ? html`<p class="message error">${words.say(this.#trouble)}</p>` : nothing}
      <p class="sentence">${this.#words.sentence(fault.code, fault.evidence)}</p>
      ${
        advice
          ? html`<section class="advice">
              <h3>${words.say("bring")}</h3>
              <p>${advice}</p>
            </section>`
          : nothing
      }
      ${this.#actions.template(fault)} ${fault.level === "lamp" ? this.#chart.element : nothing}
      <section>
        <h3>${words.say("where")}</h3>
        ${this.#where(fault)}
      </section>
      ${this.#evidence(fault)} ${this.#lamps(fault)} ${timelineTemplate(page, this.#words, fault.timeline ?? [])}
    </article>`;
  }

  #head(fault: Fault): TemplateResult {
    const { words, clock } = this.#page;
    const stood = lasting(ageSeconds(fault, clock), words.locale);
    const isClosed = fault.closed_at !== null;
    const at = isClosed ? clock.moment(Date.parse(fault.closed_at ?? ""), words.locale) : "";
    return html`<header class="headline ${fault.severity}">
      ${sign(familyOf(fault, this.#page.looks), isFresh(fault.state))}
      <div>
        <h2>${words.title(fault.code)}</h2>
        <p class="place" dir="auto">${placeOf(fault, this.#page)}</p>
        <p class="tags">
          <span class="severity">${words.say(fault.severity)}</span>
          <span class="tag" data-state=${fault.state}>${words.say(fault.state)}</span>
          ${fault.assignee ? html`<span class="tag" dir="auto">${fault.assignee}</span>` : nothing}
          ${this.#progress(fault)}
          <span class="tag quiet">
            ${isClosed ? words.say("closed_after", { t: at, d: stood }) : words.say("lasting", { t: stood })}
          </span>
        </p>
      </div>
      <span class="priority large" title=${words.say("priority")}>${fault.priority}</span>
    </header>`;
  }

  /** Since when somebody works on it, or until when nobody can. */
  #progress(fault: Fault): TemplateResult | typeof nothing {
    const { words, clock } = this.#page;
    const day = (at: string) => clock.shortDay(Date.parse(at), words.locale);
    if (fault.started_at)
      return html`<span class="tag" data-started
        >${words.say("started_at", { t: clock.moment(Date.parse(fault.started_at), words.locale) })}</span
      >`;
    if (fault.deferred_until)
      return html`<span class="tag" data-deferred
        >${words.say("deferred_until", { t: day(fault.deferred_until) })}</span
      >`;
    return nothing;
  }

  /** What has come of a repair, above everything else that is told. */
  #repair(fault: Fault): TemplateResult | typeof nothing {
    const { words, clock } = this.#page;
    const entries = fault.timeline ?? [];
    const repaired = entries.findLast(({ kind }) => kind === "repair");
    if (!repaired) return nothing;
    const later = entries.filter(({ seq }) => seq > repaired.seq);
    const undone = later.findLast(({ kind }) => kind === "reopened" || kind === "reopen");
    const [word, look]: [Word, string] =
      fault.state === "closed"
        ? [fault.verified ? "repair_proved" : "repair_closed", "good"]
        : undone
          ? ["repair_undone", "bad"]
          : ["repair_waits", "wait"];
    const shown = undone ?? (fault.state === "closed" ? later.at(-1) : undefined) ?? repaired;
    const { cause, part } = repaired.data;
    const said = [cause, part].filter((text): text is string => typeof text === "string" && text !== "");
    return html`<p class="repair ${look}">
      ${words.say(word, { t: clock.moment(Date.parse(shown.at), words.locale) })}
      ${said.length > 0 ? html`<span dir="auto">${said.join(" · ")}</span>` : nothing}
    </p>`;
  }

  #where(fault: Fault): TemplateResult {
    const page = this.#page;
    const { words } = page;
    const link = (view: "lamp" | "cabinet", id: string, text: string) =>
      html`<a data-view=${view} href=${href({ view, id })}>${text}</a>`;
    const { cabinet_id, lamp_id } = fault;
    const rows: Fact[] = [
      [words.say("street"), fault.street],
      [words.say("district"), fault.district],
      [words.say("lamp"), lamp_id ? link("lamp", lamp_id, lamp_id) : null],
      [words.say("cabinet"), cabinet_id ? link("cabinet", cabinet_id, cabinetName(cabinet_id, page)) : null],
      [words.say("circuit"), fault.circuit],
      [words.say("span"), fault.span && words.say("span_between", { a: fault.span.after, b: fault.span.before })],
      [words.say("bus"), fault.bus],
      [words.say("controller"), fault.controller_id],
    ];
    const { latitude, longitude } = fault;
    const place = latitude !== null && longitude !== null ? `${latitude.toFixed(6)},${longitude.toFixed(6)}` : null;
    return html`${facts(rows)}
    ${place ? html`<a class="button" href="geo:${place}?q=${place}">${words.say("navigate")} · ${place}</a>` : nothing}`;
  }

  #evidence(fault: Fault): TemplateResult {
    const { words, clock } = this.#page;
    const evidence = this.#words;
    const lines = evidence.lines(fault.evidence).map(({ label, value }): Fact => [label, value]);
    lines.push([words.say("confirmed"), clock.moment(Date.parse(fault.opened_at), words.locale)]);
    const reasons = evidence.priority(fault.evidence).map(({ label, value }): Fact => [label, value]);
    return html`<section>
      <h3>${words.say("evidence")}</h3>
      ${facts(lines)}
      ${
        reasons.length > 0
          ? html`<details>
              <summary>${words.say("priority")} ${fault.priority}</summary>
              ${facts(reasons)}
            </details>`
          : nothing
      }
    </section>`;
  }

  #lamps(fault: Fault): TemplateResult | typeof nothing {
    const { words } = this.#page;
    const ids = fault.level === "lamp" ? [] : fault.lamp_ids;
    if (ids.length === 0) return nothing;
    const chips = (some: readonly string[]) =>
      html`<div class="chips">
        ${some.map((id) => html`<a class="chip button" data-view="lamp" href=${href({ view: "lamp", id })} dir="auto">${id}</a>`)}
      </div>`;
    const rest = ids.slice(LAMPS_SHOWN);
    return html`<section>
      <h3>${words.say("lamps_taken")} (${ids.length})</h3>
      ${chips(ids.slice(0, LAMPS_SHOWN))}
      ${
        rest.length > 0
          ? html`<details>
              <summary>${words.say("show_more", { n: rest.length })}</summary>
              ${chips(rest)}
            </details>`
          : nothing
      }
    </section>`;
  }
}

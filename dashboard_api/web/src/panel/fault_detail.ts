/** One fault: what is known, why it is believed, what to bring, what has happened, and what can be done. */

import { get, Problem, Unreachable } from "../city/api";
import { lasting } from "../city/clock";
import type { Fault, TimelineEntry } from "../city/types";
import { fill, h } from "../dom";
import { familyOf, isFresh, SEVERITY_COLOUR, signElement } from "../map/icons";
import { actionForm, emptyDraft, type Draft } from "./actions";
import { backButton, facts, type Fact } from "./facts";
import { ageSeconds, placeOf, type Page } from "./page";
import { ReadingsChart } from "./readings_chart";

const LAMPS_SHOWN = 12;

export class FaultDetail {
  readonly element = h("article", { class: "detail", tabindex: -1 });
  readonly #page: Page;
  readonly #chart: ReadingsChart;
  #draft: Draft = emptyDraft();
  #fault: Fault | null = null;

  constructor(page: Page) {
    this.#page = page;
    this.#chart = new ReadingsChart(page);
  }

  get id(): string | null {
    return this.#fault?.id ?? null;
  }

  /** Show a fault as the list knows it, then with its timeline as the server has it. */
  async show(id: string): Promise<Fault | null> {
    if (id !== this.id) this.#draft = emptyDraft();
    const known = this.#page.faults.get(id);
    if (known) {
      this.#fault = known;
      this.render();
      if (known.level === "lamp" && known.lamp_id) void this.#chart.show(known.lamp_id);
    }
    await this.refresh(id);
    if (!known && this.#fault?.level === "lamp" && this.#fault.lamp_id) void this.#chart.show(this.#fault.lamp_id);
    return this.#fault;
  }

  /** Ask for the fault as it is now. */
  async refresh(id: string): Promise<void> {
    try {
      this.#fault = await get<Fault>(`/faults/${encodeURIComponent(id)}`);
      this.#page.faults.take(this.#fault);
      this.render();
    } catch (error) {
      const { words } = this.#page;
      if (error instanceof Problem && !this.#fault)
        fill(this.element, this.#back(), h("p", {}, words.say("fault_gone")));
      else if (error instanceof Unreachable && !this.#fault)
        fill(this.element, this.#back(), h("p", {}, words.say("unreachable")));
      else if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    }
  }

  /** Something was heard of a fault: if it is this one, show it as it is. */
  hear(fault: Fault): void {
    if (fault.id !== this.id || fault.version === this.#fault?.version) return;
    this.#fault = fault;
    void this.refresh(fault.id);
  }

  leave(): void {
    this.#fault = null;
    this.#chart.leave();
  }

  #back(): HTMLElement {
    return backButton(this.#page);
  }

  render(): void {
    const fault = this.#fault;
    if (!fault) return;
    const { words } = this.#page;
    const advice = words.advice(fault.code, fault.advice);
    const focused = document.activeElement?.getAttribute("name");
    fill(
      this.element,
      this.#back(),
      this.#head(fault),
      h("p", { class: "sentence" }, this.#page.evidence.sentence(fault.code, fault.evidence)),
      advice && h("section", { class: "advice" }, h("h3", {}, words.say("bring")), h("p", {}, advice)),
      actionForm(fault, this.#draft, this.#page, (after) => {
        if (after) {
          this.#fault = after;
          this.#page.faults.take(after);
        }
        this.render();
        void this.refresh(fault.id);
      }),
      fault.level === "lamp" && this.#chart.element,
      h("section", {}, h("h3", {}, words.say("where")), this.#where(fault)),
      this.#evidence(fault),
      this.#lamps(fault),
      this.#timeline(fault.timeline ?? []),
    );
    if (focused) this.element.querySelector<HTMLElement>(`[name="${CSS.escape(focused)}"]`)?.focus();
  }

  #head(fault: Fault): HTMLElement {
    const { words, clock } = this.#page;
    return h(
      "header",
      { class: "headline" },
      signElement(familyOf(fault), SEVERITY_COLOUR[fault.severity], isFresh(fault.state)),
      h(
        "div",
        {},
        h("h2", {}, words.title(fault.code)),
        h("p", { class: "place" }, placeOf(fault, this.#page)),
        h(
          "p",
          { class: "tags" },
          h("span", { class: `severity ${fault.severity}` }, words.say(fault.severity)),
          h("span", { class: "tag", "data-state": fault.state }, words.say(fault.state)),
          fault.assignee && h("span", { class: "tag" }, fault.assignee),
          h(
            "span",
            { class: "tag quiet" },
            words.say("lasting", { t: lasting(ageSeconds(fault, clock), words.locale) }),
          ),
        ),
      ),
      h("span", { class: "priority large", title: words.say("priority") }, fault.priority),
    );
  }

  #where(fault: Fault): HTMLElement {
    const { words } = this.#page;
    const rows: Fact[] = [
      [words.say("street"), fault.street],
      [words.say("district"), fault.district],
      [words.say("cabinet"), fault.cabinet_id && this.#page.cabinetName(fault.cabinet_id)],
      [words.say("circuit"), fault.circuit],
      [words.say("span"), fault.span && words.say("span_between", { a: fault.span.after, b: fault.span.before })],
      [words.say("bus"), fault.bus],
      [words.say("controller"), fault.controller_id],
    ];
    const place =
      fault.latitude !== null && fault.longitude !== null
        ? `${fault.latitude.toFixed(6)},${fault.longitude.toFixed(6)}`
        : null;
    return h(
      "div",
      {},
      facts(rows),
      place && h("a", { class: "button", href: `geo:${place}?q=${place}` }, `${words.say("navigate")} · ${place}`),
    );
  }

  #evidence(fault: Fault): HTMLElement {
    const { words, evidence, clock } = this.#page;
    const lines = evidence.lines(fault.evidence).map(({ label, value }): Fact => [label, value]);
    lines.push([words.say("confirmed"), clock.moment(Date.parse(fault.opened_at), words.locale)]);
    const reasons = evidence.priority(fault.evidence).map(({ label, value }): Fact => [label, value]);
    return h(
      "section",
      {},
      h("h3", {}, words.say("evidence")),
      facts(lines),
      reasons.length > 0 &&
        h("details", {}, h("summary", {}, `${words.say("priority")} ${fault.priority}`), facts(reasons)),
    );
  }

  #lamps(fault: Fault): HTMLElement | null {
    const { words } = this.#page;
    const ids = fault.level === "lamp" ? [] : fault.lamp_ids;
    if (ids.length === 0) return null;
    const lamp = (id: string) =>
      h(
        "button",
        {
          class: "chip",
          click: () => {
            this.#page.showLamp(id);
          },
        },
        id,
      );
    const rest = ids.slice(LAMPS_SHOWN);
    return h(
      "section",
      {},
      h("h3", {}, `${words.say("lamps_taken")} (${ids.length})`),
      h("div", { class: "chips" }, ...ids.slice(0, LAMPS_SHOWN).map(lamp)),
      rest.length > 0 &&
        h(
          "details",
          {},
          h("summary", {}, words.say("show_more", { n: rest.length })),
          h("div", { class: "chips" }, ...rest.map(lamp)),
        ),
    );
  }

  #timeline(entries: TimelineEntry[]): HTMLElement | null {
    const { words } = this.#page;
    if (entries.length === 0) return null;
    return h(
      "section",
      {},
      h("h3", {}, words.say("timeline")),
      h("ol", { class: "timeline" }, ...entries.toReversed().map((entry) => this.#moment(entry))),
    );
  }

  #moment(entry: TimelineEntry): HTMLElement {
    const { words, clock, evidence } = this.#page;
    const did = words.find(`page.did_${entry.kind}`) ?? entry.kind;
    const note = evidence.note(entry);
    const byWhom = { telemetry: words.say("by_telemetry"), local: words.say("by_local") }[entry.actor] ?? entry.actor;
    const assignee = typeof entry.data.assignee === "string" ? entry.data.assignee : null;
    return h(
      "li",
      {},
      h("time", { datetime: entry.at }, clock.moment(Date.parse(entry.at), words.locale)),
      h("span", {}, h("b", {}, did), assignee && ` → ${assignee}`, ` · ${byWhom}`),
      note && h("q", {}, note),
    );
  }
}

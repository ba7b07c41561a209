/** The work list: its filters, and rows under heads of street and cabinet. */

import { html, nothing, type TemplateResult } from "lit-html";
import { guard } from "lit-html/directives/guard.js";
import { live } from "lit-html/directives/live.js";
import { lasting } from "../city/clock";
import { familyOf, isFresh } from "../map/icons";
import { sign } from "../panel/sign";
import { awayText, placeOf, titleOf, type Crew, type CrewPart } from "./crew";
import { START } from "./crew_route";
import { distanceText } from "./distance";
import { RowWindow } from "./row_window";
import { grouped, openChecks, stateOf, type GroupHead, type WorkItem, type WorkRow } from "./work_list";

const ROW_REM = 3.75; // as crew_list.css has it
const HEAD_REM = 1.75;
const AGE_MS = 60_000; // after which a row says another age

export class ListView implements CrewPart {
  readonly #crew: Crew;
  readonly #window: RowWindow<WorkItem>;
  #isFilterOpen = false;
  #grouped: { rows: readonly WorkRow[]; items: readonly WorkItem[] } = { rows: [], items: [] };

  constructor(crew: Crew, scroller: HTMLElement) {
    this.#crew = crew;
    this.#window = new RowWindow(scroller, {
      keyOf: (item) => (item.kind === "head" ? item.key : item.fault.id),
      remOf: ({ kind }) => (kind === "head" ? HEAD_REM : ROW_REM),
      classOf: ({ kind }) => (kind === "head" ? "head" : ""),
      template: (item) => {
        const { words } = crew.words;
        const age = Math.floor(crew.clock.nowMs() / AGE_MS);
        const known = [item, age, words.language, words.hasOwn, crew.data.repairs, crew.reports];
        return guard(known, () => (item.kind === "head" ? this.#head(item) : workRow(item, crew)));
      },
    });
  }

  template(): TemplateResult {
    const { words, data, route, position } = this.#crew;
    const rows = this.#crew.shown();
    const isFiltered = route.district + route.code + route.text !== "";
    const quiet = !data.isLoaded ? "crew.loading" : isFiltered || route.who !== "all" ? "crew.none_match" : "crew.none";
    return html`<section class="work">
      <div class="tools">
        ${this.#chip(words.say("crew.all"), route.who === "all", { who: "all" })}
        ${this.#chip(words.say("crew.mine"), route.who === "mine", { who: "mine" })}
        ${this.#chip(words.say("crew.free"), route.who === "free", { who: "free" })}
        <button
          type="button"
          class="chip"
          data-do="near"
          aria-pressed=${String(route.order === "distance")}
          @click=${() => {
            position.ask();
            this.#crew.go({ order: route.order === "distance" ? "priority" : "distance" });
          }}
        >
          ${words.say("crew.near")}
        </button>
        <button
          type="button"
          class="chip"
          data-do="filter"
          aria-expanded=${String(this.#isFilterOpen)}
          @click=${() => {
            this.#isFilterOpen = !this.#isFilterOpen;
            this.#crew.redraw();
          }}
        >
          ${words.say("crew.filter")}${isFiltered ? " •" : ""}
        </button>
      </div>
      ${this.#checks()} ${this.#isFilterOpen ? this.#fields() : nothing} ${this.#positionWords()}
      <p class="counted" aria-live="polite">
        ${words.count("crew.n_faults", rows.length)}${data.isComplete || !data.isLoaded ? "" : "+"}
      </p>
      ${rows.length === 0 ? html`<p class="empty">${words.say(quiet)}</p>` : this.#window.show(this.#items(rows))}
    </section>`;
  }

  /** The way to citizens' reports that wait for a look. */
  #checks(): TemplateResult | typeof nothing {
    const { data, rows, words } = this.#crew;
    const n = openChecks(data.checks ?? [], rows).length;
    if (n === 0) return nothing;
    return html`<button
      type="button"
      class="to-checks"
      data-do="checks"
      @click=${() => {
        this.#crew.go({ view: "checks" });
      }}
    >
      ${words.count("crew.n_checks", n)}
    </button>`;
  }

  #chip(text: string, isPressed: boolean, part: Parameters<Crew["go"]>[0]): TemplateResult {
    return html`<button
      type="button"
      class="chip"
      aria-pressed=${String(isPressed)}
      @click=${() => {
        this.#crew.go(part);
      }}
    >
      ${text}
    </button>`;
  }

  #positionWords(): TemplateResult | typeof nothing {
    const { position, route, words } = this.#crew;
    if (route.order !== "distance" || position.here) return nothing;
    const isDenied = position.state === "denied" || position.state === "unknown";
    return html`<p class="hint" role="status">${words.say(isDenied ? "crew.no_position" : "crew.asking_position")}</p>`;
  }

  #fields(): TemplateResult {
    const { words, data, route } = this.#crew;
    const all = data.faults();
    const pick = (name: "district" | "code", label: string, options: [string, string][]) =>
      html`<select
        name=${name}
        aria-label=${label}
        @change=${(event: Event) => {
          this.#crew.go({ [name]: (event.target as HTMLSelectElement).value });
        }}
      >
        <option value="">${label}</option>
        ${options.map(([value, text]) => html`<option value=${value} ?selected=${route[name] === value}>${text}</option>`)}
      </select>`;
    const districts = [...new Set(all.map(({ district }) => district ?? ""))].filter(Boolean).sort();
    const codes = [...new Set(all.map(({ code }) => code))].map((code): [string, string] => [
      code,
      words.words.title(code),
    ]);
    codes.sort(([, a], [, b]) => a.localeCompare(b));
    return html`<div class="fields">
      <input
        type="search"
        maxlength="100"
        placeholder=${words.say("crew.search")}
        aria-label=${words.say("crew.search")}
        .value=${live(route.text)}
        @input=${(event: Event) => {
          this.#crew.go({ text: (event.target as HTMLInputElement).value });
        }}
      />
      ${pick("code", words.say("crew.every_kind"), codes)}
      ${
        districts.length > 1
          ? pick(
              "district",
              words.say("crew.every_district"),
              districts.map((name): [string, string] => [name, name]),
            )
          : nothing
      }
      <button
        type="button"
        @click=${() => {
          this.#crew.go({ district: START.district, code: START.code, text: START.text });
        }}
      >
        ${words.say("crew.clear_filter")}
      </button>
    </div>`;
  }

  /** The same items as long as the rows are the same. */
  #items(rows: readonly WorkRow[]): readonly WorkItem[] {
    if (rows !== this.#grouped.rows) this.#grouped = { rows, items: grouped(rows) };
    return this.#grouped.items;
  }

  #head({ cabinetId, street, n }: GroupHead): TemplateResult {
    const { words } = this.#crew;
    const named = [street, cabinetId].filter(Boolean).join(" · ") || words.say("crew.no_place");
    return html`<h2 dir="auto">${named}</h2>
      <span>${n}</span>`;
  }
}

/** One fault as a row of the list. */
export function workRow({ fault, metres, report }: WorkRow, crew: Crew): TemplateResult {
  const { words } = crew;
  const state = stateOf(fault, crew.reports.get(fault.id) ?? []);
  const repair = crew.data.repairs?.find((each) => each.fault.id === fault.id);
  const isStillDark = repair?.result === "still_dark" && state !== "repaired";
  const onset = fault.evidence.since;
  const sinceMs = Date.parse(typeof onset === "string" ? onset : fault.opened_at);
  const age = lasting((crew.clock.nowMs() - sinceMs) / 1000, words.words.locale);
  const what = fault.level === "lamp" ? fault.lamp_id : placeOf({ ...fault, street: null }, crew);
  const mark = report
    ? words.coded("crew.row", report.state)
    : isStillDark
      ? words.say("crew.still_dark")
      : state === "open"
        ? ""
        : words.coded("crew.state", state);
  const away = metres === null ? age : distanceText(metres, words.words.locale);
  return html`<a class="row ${fault.severity}" data-fault=${fault.id} href=${crew.hrefOf({ fault: fault.id })}>
    ${sign(familyOf(fault), isFresh(state))}
    <span class="what">
      <strong>${titleOf(fault, crew)}</strong>
      <span class="place" dir="auto">${what ?? ""}${fault.assignee ? ` · ${fault.assignee}` : ""}</span>
    </span>
    <span class="side">
      ${mark ? html`<span class="mark ${report ? report.state : isStillDark ? "conflict" : ""}">${mark}</span>` : nothing}
      <span class="away" title=${awayText(fault, crew)}>${away}</span>
    </span>
    <span class="priority" title=${words.say("crew.priority")}
      ><span class="unseen">${words.say("crew.priority")} </span>${fault.priority}</span
    >
  </a>`;
}

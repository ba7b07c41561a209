/** The list of faults in the order in which a crew should drive, with its filter. Says the same as the map, in words. */

import { html, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { isExpected, Unreachable } from "../city/api";
import { lasting } from "../city/clock";
import { FIRST_PAGE, NO_FILTER, passes, questionOf, type Filter } from "../city/fault_store";
import type { Fault } from "../city/types";
import { familyOf, isFresh, SEVERITIES } from "../map/icons";
import { AssignSeveral } from "./assign_several";
import { filterFields } from "./list_filter";
import { ageSeconds, href, nothing, placeOf, type Page, type View } from "./page";
import { Search } from "./search";
import { sign } from "./sign";
import { districts } from "./summary";

const ROWS = 50;
const FIRST_ROWS = 12; // as many as the tallest phone shows: the others follow a frame later

export class FaultList implements View {
  readonly #page: Page;
  readonly #onFilter: (filter: Filter) => void;
  readonly #search: Search;
  readonly #several: AssignSeveral;
  #filter: Filter = { ...NO_FILTER };
  #n_rows = FIRST_ROWS;
  #trouble = "";

  constructor(page: Page, onFilter: (filter: Filter) => void) {
    this.#page = page;
    this.#onFilter = onFilter;
    this.#search = new Search(page);
    this.#several = new AssignSeveral(page);
  }

  get filter(): Filter {
    return this.#filter;
  }

  show(): void {
    // the list is always there; what it shows comes from the store
  }

  leave(): void {
    this.#several.stop();
  }

  /** Change some of the filter, and ask for what passes it. */
  setFilter(part: Partial<Filter>): void {
    const before = this.question;
    this.#filter = { ...this.#filter, ...part };
    this.#n_rows = ROWS;
    this.#onFilter(this.#filter);
    if ("text" in part) this.#search.ask(this.#filter.text);
    if (this.question !== before) void this.ask();
    this.#page.redraw();
  }

  /** What the filter asks of the server. */
  get question(): string {
    const { withinHours, ...rest } = this.#filter;
    const isPlain = Object.entries(rest).every(([name, value]) => name === "text" || value === "");
    return isPlain && withinHours === 0 ? FIRST_PAGE : questionOf(this.#filter, this.#page.clock.nowMs());
  }

  async ask(): Promise<void> {
    try {
      await this.#page.faults.ask(this.question, this.#filter.state === "closed");
      this.#trouble = "";
    } catch (error) {
      if (isExpected(error)) this.#trouble = error instanceof Unreachable ? "" : error.message;
    }
    this.#page.redraw();
  }

  /** The faults that pass the filter. */
  shown(): Fault[] {
    const { faults, words, clock } = this.#page;
    return faults.all().filter((fault) => passes(fault, this.#filter, (code) => words.title(code), clock.nowMs()));
  }

  async #more(): Promise<void> {
    this.#n_rows += ROWS;
    try {
      if (this.shown().length < this.#n_rows) await this.#page.faults.askMore();
    } catch (error) {
      isExpected(error);
    }
    this.#page.redraw();
  }

  template(): TemplateResult {
    const page = this.#page;
    const { words, faults } = page;
    const shown = this.shown();
    const rows = shown.slice(0, this.#n_rows);
    const isFirst = this.#n_rows < ROWS && faults.isLoaded; // what is farther down comes with the second drawing
    if (isFirst) {
      this.#n_rows = ROWS;
      page.redraw();
    }
    const isFiltered = JSON.stringify(this.#filter) !== JSON.stringify(NO_FILTER);
    const hasMore = shown.length > this.#n_rows || faults.hasMore;
    const n_all = Math.max(page.summary?.faults.open ?? 0, shown.length);
    const n_word = isFiltered
      ? `${words.count("n_faults", shown.length)}${hasMore ? "+" : ""}`
      : words.count("n_faults", hasMore ? n_all : shown.length);
    const quiet = !faults.isLoaded ? "loading" : isFiltered ? "none_match" : "no_faults";
    return html`<div class="view">
      <section class="list" id="faults" tabindex="-1" @keydown=${this.#step} aria-label=${words.say("faults")}>
        ${this.#counts()}
        ${filterFields(page, this.#filter, (part) => {
          this.setFilter(part);
        })}
        ${this.#search.template()}
        <div class="heading">
          <h2 aria-live="polite">${faults.isLoaded ? n_word : words.say("faults")}</h2>
          ${this.#several.button(rows)}
        </div>
        ${this.#several.template(rows)} ${this.#trouble ? html`<p class="message error">${this.#trouble}</p>` : nothing}
        <ol class="rows">
          ${repeat(
            rows,
            ({ id }) => id,
            (fault) => html`<li>${this.#several.box(fault)}${faultRow(fault, page)}</li>`,
          )}
          ${rows.length === 0 ? html`<li class="empty">${words.say(quiet)}</li>` : nothing}
        </ol>
        ${
          hasMore
            ? html`<button class="wide" type="button" @click=${() => void this.#more()}>
                ${words.say("show_more", { n: ROWS })}
              </button>`
            : nothing
        }
      </section>
      ${
        isFirst
          ? nothing
          : districts(page, (name) => {
              this.setFilter({ district: name });
            })
      }
    </div>`;
  }

  #counts(): TemplateResult {
    const { words, summary } = this.#page;
    const counts = summary?.faults.by_severity ?? {};
    return html`<div class="severities" role="group" aria-label=${words.say("severity")}>
      ${SEVERITIES.map(
        (severity) =>
          html`<button
            type="button"
            class="count ${severity}"
            aria-pressed=${String(this.#filter.severity === severity)}
            @click=${() => {
              this.setFilter({ severity: this.#filter.severity === severity ? "" : severity });
            }}
          >
            <b>${words.figure(counts[severity] ?? 0, 0)}</b><span>${words.say(severity)}</span>
          </button>`,
      )}
    </div>`;
  }

  /** Arrow keys go from row to row. */
  readonly #step = (event: KeyboardEvent): void => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const rows = [...(event.currentTarget as Element).querySelectorAll<HTMLElement>(".row")];
    const here = rows.indexOf(document.activeElement as HTMLElement);
    if (here < 0) return;
    event.preventDefault();
    rows[here + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  };
}

/** One fault as a row that leads to it. */
export function faultRow(fault: Fault, page: Page): TemplateResult {
  const { words, clock } = page;
  const n_lamps = fault.lamp_ids.length;
  const route = { view: "fault", id: fault.id } as const;
  return html`<a class="row ${fault.severity}" data-view="fault" data-fault=${fault.id} href=${href(route)}>
    ${sign(familyOf(fault, page.looks), isFresh(fault.state))}
    <span class="what">
      <strong>${words.title(fault.code)}</strong>
      <span class="place" dir="auto">${placeOf(fault, page)}</span>
      <span class="tags">
        <span class="severity">${words.say(fault.severity)}</span>
        ${isFresh(fault.state) ? nothing : html`<span class="tag">${words.say(fault.state)}</span>`}
        ${fault.assignee ? html`<span class="tag" dir="auto">${fault.assignee}</span>` : nothing}
        ${n_lamps > 1 ? html`<span class="tag">${words.say("n_lamps", { n: n_lamps })}</span>` : nothing}
        ${fault.district ? html`<span class="tag quiet" dir="auto">${fault.district}</span>` : nothing}
      </span>
    </span>
    <span class="rank">
      <span class="priority" title=${words.say("priority")}>${fault.priority}</span>
      <span class="age">${lasting(ageSeconds(fault, clock), words.locale)}</span>
    </span>
  </a>`;
}

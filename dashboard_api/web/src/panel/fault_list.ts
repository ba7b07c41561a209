/** The list of faults in the order in which a crew should drive, with its filter. Says the same as the map, in words. */

import { get, Unreachable } from "../city/api";
import { lasting } from "../city/clock";
import { NO_FILTER, passes, type Filter } from "../city/fault_store";
import type { Fault, FaultPage } from "../city/types";
import { fill, h } from "../dom";
import { familyOf, isFresh, SEVERITIES, SEVERITY_COLOUR, signElement } from "../map/icons";
import { ageSeconds, placeOf, type Page } from "./page";

const ROWS = 100;

export class FaultList {
  readonly element = h("section", { class: "list", id: "faults", tabindex: -1 });
  readonly #page: Page;
  readonly #counts = h("div", { class: "severities", role: "group" });
  readonly #filters = h("div", { class: "filters" });
  readonly #heading = h("h2", { "aria-live": "polite" });
  readonly #rows = h("ol", { class: "rows" });
  readonly #onFilter: (shown: Fault[]) => void;
  #filter: Filter = { ...NO_FILTER };
  #n_rows = ROWS;
  #closed: Fault[] | null = null;

  constructor(page: Page, onFilter: (shown: Fault[]) => void) {
    this.#page = page;
    this.#onFilter = onFilter;
    this.element.append(this.#counts, this.#filters, this.#heading, this.#rows);
    this.element.addEventListener("keydown", (event) => {
      this.#step(event);
    });
    this.renderFilters();
  }

  /** Change some of the filter, and show what passes. */
  setFilter(part: Partial<Filter>): void {
    this.#filter = { ...this.#filter, ...part };
    this.#n_rows = ROWS;
    if ("state" in part) void this.#askClosed();
    this.renderFilters();
    this.render();
  }

  /** Closed faults are not kept on the page: they are asked for when somebody wants to see them. */
  async #askClosed(): Promise<void> {
    this.#closed = null;
    if (this.#filter.state !== "closed") return;
    try {
      this.#closed = (await get<FaultPage>("/faults?state=closed&order=-opened_at&limit=200")).items;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#closed = [];
    }
    this.render();
  }

  /** The faults that pass the filter. */
  shown(): Fault[] {
    const { faults, words } = this.#page;
    const among = this.#filter.state === "closed" ? (this.#closed ?? []) : faults.all();
    return among.filter((fault) => passes(fault, this.#filter, (code) => words.title(code)));
  }

  render(): void {
    const { words, faults } = this.#page;
    const shown = this.shown();
    const n_all = faults.all().length;
    const isFiltered = JSON.stringify(this.#filter) !== JSON.stringify(NO_FILTER);
    this.#renderCounts();
    const n_word = words.count("n_faults", shown.length);
    const isPart = isFiltered && this.#filter.state !== "closed";
    const heading = isPart ? words.say("n_of_faults", { n: shown.length, all: n_all }) : n_word;
    fill(this.#heading, faults.isLoaded ? heading : words.say("faults"));
    const focused = document.activeElement?.getAttribute("data-fault");
    fill(this.#rows, ...shown.slice(0, this.#n_rows).map((fault) => h("li", {}, this.#row(fault))));
    if (focused) this.#rows.querySelector<HTMLElement>(`[data-fault="${CSS.escape(focused)}"]`)?.focus();
    const nothing = isFiltered && n_all > 0 ? "none_match" : "no_faults";
    if (shown.length === 0)
      this.#rows.append(h("li", { class: "empty" }, words.say(faults.isLoaded ? nothing : "loading")));
    const n_more = Math.min(ROWS, shown.length - this.#n_rows);
    if (n_more > 0) {
      const more = () => {
        this.#n_rows += ROWS;
        this.render();
      };
      this.#rows.append(
        h("li", {}, h("button", { class: "wide", click: more }, words.say("show_more", { n: n_more }))),
      );
    }
    this.#onFilter(shown);
  }

  #row(fault: Fault): HTMLElement {
    const { words, clock } = this.#page;
    const n_lamps = fault.lamp_ids.length;
    return h(
      "button",
      {
        class: "row",
        "data-fault": fault.id,
        click: () => {
          this.#page.showFault(fault.id);
        },
      },
      signElement(familyOf(fault), SEVERITY_COLOUR[fault.severity], isFresh(fault.state)),
      h(
        "span",
        { class: "what" },
        h("strong", {}, words.title(fault.code)),
        h("span", { class: "place" }, placeOf(fault, this.#page)),
        h(
          "span",
          { class: "tags" },
          h("span", { class: `severity ${fault.severity}` }, words.say(fault.severity)),
          !isFresh(fault.state) && h("span", { class: "tag" }, words.say(fault.state)),
          n_lamps > 1 && h("span", { class: "tag" }, words.say("n_lamps", { n: n_lamps })),
          fault.district && h("span", { class: "tag quiet" }, fault.district),
        ),
      ),
      h(
        "span",
        { class: "rank" },
        h("span", { class: "priority", title: words.say("priority") }, fault.priority),
        h("span", { class: "age" }, lasting(ageSeconds(fault, clock), words.locale)),
      ),
    );
  }

  #renderCounts(): void {
    const { words, faults } = this.#page;
    const all = faults.all();
    const buttons = SEVERITIES.map((severity) => {
      const n = all.filter((fault) => fault.severity === severity).length;
      const isPressed = this.#filter.severity === severity;
      return h(
        "button",
        {
          class: `count ${severity}`,
          "aria-pressed": String(isPressed),
          click: () => {
            this.setFilter({ severity: isPressed ? "" : severity });
          },
        },
        h("b", {}, n),
        h("span", {}, words.say(severity)),
      );
    });
    fill(this.#counts, ...buttons);
  }

  /** Draw the filter's fields; their values stay. */
  renderFilters(): void {
    const { words, faults } = this.#page;
    const filter = this.#filter;
    const districts = [...this.#page.states.tally().districts.keys()].filter((name) => name !== "").sort();
    const codes = words.codes().map((code) => [code.code, words.title(code.code)] as const);
    const states = (["open", "acknowledged", "assigned", "repaired", "closed"] as const).map(
      (state) => [state, words.say(state)] as const,
    );
    const known =
      codes.length > 0 ? codes : [...new Set(faults.all().map(({ code }) => code))].map((c) => [c, c] as const);
    const pick = (
      label: string,
      name: "district" | "code" | "state",
      all: string,
      options: Iterable<readonly [string, string]>,
    ) =>
      h(
        "select",
        {
          "aria-label": label,
          change: (event) => {
            this.setFilter({ [name]: (event.target as HTMLSelectElement).value });
          },
        },
        h("option", { value: "" }, all),
        ...[...options].map(([value, text]) => h("option", { value, selected: filter[name] === value }, text)),
      );
    const search = h("input", {
      type: "search",
      placeholder: words.say("search"),
      "aria-label": words.say("search"),
      value: filter.text,
      input: (event) => {
        this.#filter = { ...this.#filter, text: (event.target as HTMLInputElement).value };
        this.render();
      },
    });
    const chip =
      filter.cabinetId &&
      h(
        "button",
        {
          class: "chip",
          title: words.say("remove"),
          click: () => {
            this.setFilter({ cabinetId: "" });
          },
        },
        words.say("only_cabinet", { id: this.#page.cabinetName(filter.cabinetId) }),
        " ×",
      );
    fill(
      this.#filters,
      search,
      pick(words.say("state"), "state", words.say("all_states"), states),
      pick(words.say("kind"), "code", words.say("all_codes"), known),
      districts.length > 1 &&
        pick(
          words.say("district"),
          "district",
          words.say("all_districts"),
          districts.map((d) => [d, d] as const),
        ),
      chip,
    );
  }

  focusSearch(): void {
    this.#filters.querySelector("input")?.focus();
  }

  /** Arrow keys go from row to row. */
  #step(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const rows = [...this.#rows.querySelectorAll<HTMLElement>(".row")];
    const here = rows.indexOf(document.activeElement as HTMLElement);
    if (here < 0) return;
    event.preventDefault();
    rows[here + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
}

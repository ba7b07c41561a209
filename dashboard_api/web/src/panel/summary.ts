/** The city at a glance: what share of its lamps is lit, and how the districts stand. */

import { litShare, type Tally } from "../city/lamp_states";
import { LAMP_STATES, type LampState } from "../city/types";
import { fill, h } from "../dom";
import type { Page } from "./page";

const ORDER: readonly LampState[] = ["lit", "dark", "silent", "unmetered", "off"];

/** A bar whose parts are the lamps by state; the words beside it say the same. */
function bar(tally: Tally): HTMLElement {
  const n = LAMP_STATES.reduce((sum, state) => sum + tally[state], 0);
  return h(
    "span",
    { class: "bar", "aria-hidden": "true" },
    ...ORDER.filter((state) => tally[state] > 0).map((state) =>
      h("span", { class: state, style: `flex-grow:${(tally[state] / n).toFixed(5)}` }),
    ),
  );
}

export class Summary {
  readonly element = h("section", { class: "summary" });
  readonly districts = h("details", { class: "districts" });
  readonly #page: Page;
  readonly #onDistrict: (name: string) => void;

  constructor(page: Page, onDistrict: (name: string) => void) {
    this.#page = page;
    this.#onDistrict = onDistrict;
  }

  render(): void {
    const { words, states } = this.#page;
    const { city, districts } = states.tally();
    const share = litShare(city);
    const counts = ORDER.filter((state) => city[state] > 0).map((state) =>
      h("li", { class: state }, h("b", {}, words.figure(city[state], 0)), " ", words.say(state)),
    );
    fill(
      this.element,
      share === null
        ? h(
            "p",
            { class: "share day" },
            words.say(!states.hasLamps ? "no_lamps" : city.off > 0 ? "by_day" : "no_word_yet"),
          )
        : h(
            "p",
            { class: "share", title: words.say("lit_share_title") },
            h("b", {}, words.percent(share)),
            " ",
            h("span", {}, words.say("lit_share")),
          ),
      bar(city),
      h("ul", { class: "counts" }, ...counts),
    );
    this.#renderDistricts(districts);
  }

  #renderDistricts(districts: Map<string, Tally>): void {
    const { words, faults } = this.#page;
    this.districts.hidden = districts.size < 2;
    const all = faults.all();
    const rows = [...districts]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, tally]) => {
        const share = litShare(tally);
        const n_faults = all.filter((fault) => (fault.district ?? "") === name).length;
        return h(
          "button",
          {
            class: "district",
            click: () => {
              this.#onDistrict(name);
            },
          },
          h("span", {}, name || words.say("no_district")),
          bar(tally),
          h("span", { class: "figure" }, share === null ? "–" : words.percent(share)),
          h("span", { class: "figure faults" }, words.count("n_faults", n_faults)),
        );
      });
    fill(this.districts, h("summary", {}, words.say("districts")), ...rows);
  }
}

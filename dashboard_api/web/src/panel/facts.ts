/** Small parts that fault and lamp show alike: the way back, and a list of labelled values. */

import { h } from "../dom";
import type { Page } from "./page";

/** A label and its value; one without a value is left out. */
export type Fact = readonly [label: string, value: string | number | null | undefined];

export function facts(rows: readonly Fact[]): HTMLElement {
  return h(
    "dl",
    { class: "facts" },
    ...rows
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))),
  );
}

export function backButton(page: Page): HTMLElement {
  return h(
    "button",
    {
      class: "back",
      click: () => {
        page.showList();
      },
    },
    "‹ ",
    page.words.say("back"),
  );
}

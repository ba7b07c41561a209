/** Finds lamps, streets, cabinets and faults by what was typed into the list's search. */

import { html, type TemplateResult } from "lit-html";
import { get, isExpected } from "../city/api";
import type { SearchAnswer, SearchItem } from "../city/types";
import { href, nothing, type Page } from "./page";

const WAIT_MS = 250; // after the last letter

export class Search {
  readonly #page: Page;
  #timer = 0;
  #text = "";
  #items: readonly SearchItem[] = [];

  constructor(page: Page) {
    this.#page = page;
  }

  /** Ask for `text` once its writer pauses. */
  ask(text: string): void {
    this.#text = text.trim();
    window.clearTimeout(this.#timer);
    if (this.#text.length < 2) this.#items = [];
    else this.#timer = window.setTimeout(() => void this.#find(), WAIT_MS);
  }

  async #find(): Promise<void> {
    const text = this.#text;
    try {
      const { items } = await get<SearchAnswer>(`/search?q=${encodeURIComponent(text)}&limit=6`);
      if (text !== this.#text) return;
      this.#items = items;
    } catch (error) {
      if (isExpected(error)) this.#items = [];
    }
    this.#page.redraw();
  }

  template(): TemplateResult | typeof nothing {
    const { words, faults } = this.#page;
    const items = this.#items.filter(({ kind, id }) => kind !== "fault" || !faults.get(id));
    if (items.length === 0) return nothing;
    return html`<nav class="found" aria-label=${words.say("found")}>
      <ul>
        ${items.map((item) => html`<li>${this.#item(item)}</li>`)}
      </ul>
    </nav>`;
  }

  #item(item: SearchItem): TemplateResult {
    const { words } = this.#page;
    const name = item.kind === "fault" ? words.title(item.name ?? "") : (item.name ?? item.id);
    const text = html`<span class="kind">${words.say(item.kind)}</span>
      <span class="what"
        ><strong dir="auto">${name}</strong><span class="place" dir="auto">${item.place ?? ""}</span></span
      >`;
    if (item.kind !== "street")
      return html`<a class="hit" data-view=${item.kind} href=${href({ view: item.kind, id: item.id })}>${text}</a>`;
    return html`<button
      class="hit"
      type="button"
      @click=${() => {
        if (item.longitude !== null && item.latitude !== null) this.#page.showPlace([item.longitude, item.latitude]);
      }}
    >
      ${text} ${item.n === null ? nothing : html`<span class="age">${words.say("n_lamps", { n: item.n })}</span>`}
    </button>`;
  }
}

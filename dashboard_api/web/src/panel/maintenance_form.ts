/** Announces work at a place, so that nothing new is reported there meanwhile, and shows what is announced. */

import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { get, isExpected, post } from "../city/api";
import type { MaintenanceList, MaintenanceWindow } from "../city/types";
import { nothing, type Page } from "./page";

const HOURS = [
  [2, "for_2_h"],
  [8, "for_8_h"],
  [24, "for_24_h"],
] as const;

export type WorkPlace = { lamp_id: string } | { cabinet_id: string };

export class MaintenanceForm {
  readonly #page: Page;
  #place: WorkPlace | null = null;
  #windows: readonly MaintenanceWindow[] = [];
  #hours = 2;
  #note = "";
  #message = "";
  #isSending = false;

  constructor(page: Page) {
    this.#page = page;
  }

  show(place: WorkPlace): void {
    this.#place = place;
    this.#windows = [];
    this.#message = "";
    this.#note = "";
    void this.#load();
  }

  async #load(): Promise<void> {
    const place = this.#place;
    try {
      const { items } = await get<MaintenanceList>("/maintenance");
      if (place !== this.#place || !place) return;
      this.#windows = items.filter((each) =>
        "lamp_id" in place ? each.lamp_id === place.lamp_id : each.cabinet_id === place.cabinet_id,
      );
    } catch (error) {
      isExpected(error);
    }
    this.#page.redraw();
  }

  async #send(): Promise<void> {
    if (this.#isSending || !this.#place) return;
    this.#isSending = true;
    const { clock, words } = this.#page;
    const until = new Date(clock.nowMs() + this.#hours * 3_600_000).toISOString();
    const note = this.#note.trim();
    try {
      await post<MaintenanceWindow>("/maintenance", { ...this.#place, until, ...(note ? { note } : {}) });
      this.#note = "";
      this.#message = words.say("work_announced");
      void this.#load();
    } catch (error) {
      if (isExpected(error)) this.#message = words.say("refused", { why: error.message });
    } finally {
      this.#isSending = false;
    }
    this.#page.redraw();
  }

  template(): TemplateResult {
    const { words, clock } = this.#page;
    return html`<section class="work">
      <h3>${words.say("work")}</h3>
      ${this.#windows.map((each) => {
        const until = clock.moment(Date.parse(each.until), words.locale);
        return html`<p dir="auto">
          ${words.say("work_until", { t: until })}${each.note ? ` · ${each.note}` : nothing}
        </p>`;
      })}
      <form
        class="line"
        @submit=${(event: Event) => {
          event.preventDefault();
          void this.#send();
        }}
      >
        <select
          aria-label=${words.say("work_for")}
          @change=${(event: Event) => {
            this.#hours = Number((event.target as HTMLSelectElement).value);
          }}
        >
          ${HOURS.map(([each, word]) => html`<option value=${each} ?selected=${each === this.#hours}>${words.say(word)}</option>`)}
        </select>
        <input
          type="text"
          maxlength="4000"
          name="work-note"
          aria-label=${words.say("note")}
          placeholder=${words.say("note")}
          .value=${live(this.#note)}
          @input=${(event: Event) => {
            this.#note = (event.target as HTMLInputElement).value;
          }}
        />
        <button type="submit" aria-disabled=${String(this.#isSending)}>${words.say("announce_work")}</button>
      </form>
      <p class="message" role="status">${this.#message}</p>
    </section>`;
  }
}

/** Asks for a dim level, and shows apart what was asked, what the controllers accepted and what is measured. */

import { html, type TemplateResult } from "lit-html";
import { get, isExpected, post } from "../city/api";
import type { Command } from "../city/types";
import { facts, nothing, type Fact, type Page } from "./page";

const LEVELS = [100, 75, 50, 25, 0] as const;
const HOURS = [
  [1, "for_1_h"],
  [2, "for_2_h"],
  [8, "for_8_h"],
] as const;
const STATES = {
  queued: "command_queued",
  sent: "command_sent",
  confirmed: "command_confirmed",
  failed: "command_failed",
} as const;
const ASK_EVERY_MS = 3_000;
const PATIENCE_MS = 10 * 60_000;

export type DimTarget = { lamp_ids: string[] } | { cabinet_id: string };

export class DimForm {
  readonly #page: Page;
  readonly #settled: () => void;
  readonly #measured: () => string | null;
  #target: DimTarget | null = null;
  #level: number | null = 50;
  #hours = 1;
  #command: Command | null = null;
  #message = "";
  #isSending = false;
  #timer = 0;

  /** `settled` is called when the controllers have answered; `measured` says what the lamp draws now, where it is known. */
  constructor(page: Page, settled: () => void, measured: () => string | null = () => null) {
    this.#page = page;
    this.#measured = measured;
    this.#settled = settled;
  }

  show(target: DimTarget): void {
    this.#target = target;
    this.#command = null;
    this.#message = "";
  }

  leave(): void {
    window.clearTimeout(this.#timer);
    this.#target = null;
  }

  async #send(): Promise<void> {
    const target = this.#target;
    if (this.#isSending || !target) return;
    this.#isSending = true;
    const { clock, words } = this.#page;
    const until = new Date(clock.nowMs() + this.#hours * 3_600_000).toISOString();
    try {
      this.#command = await post<Command>("/commands/dim", { ...target, level: this.#level, until });
      this.#message = "";
      this.#follow(this.#command.id, Date.now());
    } catch (error) {
      if (isExpected(error)) this.#message = words.say("refused", { why: error.message });
    } finally {
      this.#isSending = false;
    }
    this.#page.redraw();
  }

  #follow(id: string, sinceMs: number): void {
    window.clearTimeout(this.#timer);
    if (Date.now() - sinceMs > PATIENCE_MS) return;
    this.#timer = window.setTimeout(() => void this.#ask(id, sinceMs), ASK_EVERY_MS);
  }

  async #ask(id: string, sinceMs: number): Promise<void> {
    try {
      const command = await get<Command>(`/commands/${encodeURIComponent(id)}`);
      if (this.#command?.id !== id) return;
      this.#command = command;
      if (command.state === "confirmed" || command.state === "failed") this.#settled();
      else this.#follow(id, sinceMs);
    } catch (error) {
      if (isExpected(error)) this.#follow(id, sinceMs);
    }
    this.#page.redraw();
  }

  template(): TemplateResult {
    const { words } = this.#page;
    const level = (value: number | null) => (value === null ? words.say("by_schedule") : `${value}\u00a0%`);
    return html`<section class="dim">
      <h3>${words.say("dim")}</h3>
      <form
        class="line"
        @submit=${(event: Event) => {
          event.preventDefault();
          void this.#send();
        }}
      >
        <select
          aria-label=${words.say("dim_level")}
          @change=${(event: Event) => {
            const { value } = event.target as HTMLSelectElement;
            this.#level = value === "" ? null : Number(value);
          }}
        >
          ${LEVELS.map((each) => html`<option value=${each} ?selected=${each === this.#level}>${level(each)}</option>`)}
          <option value="" ?selected=${this.#level === null}>${level(null)}</option>
        </select>
        <select
          aria-label=${words.say("dim_for")}
          @change=${(event: Event) => {
            this.#hours = Number((event.target as HTMLSelectElement).value);
          }}
        >
          ${HOURS.map(([each, word]) => html`<option value=${each} ?selected=${each === this.#hours}>${words.say(word)}</option>`)}
        </select>
        <button type="submit" aria-disabled=${String(this.#isSending)}>${words.say("ask_for_it")}</button>
      </form>
      <div role="status">
        ${this.#message ? html`<p class="message error">${this.#message}</p>` : nothing}
        ${this.#command ? this.#outcome(this.#command, level) : nothing}
      </div>
    </section>`;
  }

  #outcome(command: Command, level: (value: number | null) => string): TemplateResult {
    const { words, clock } = this.#page;
    const until = command.until ? clock.moment(Date.parse(command.until), words.locale) : null;
    const rows: Fact[] = [
      [words.say("asked"), `${level(command.level)}${until ? ` · ${words.say("until", { t: until })}` : ""}`],
      [words.say("accepted"), words.say(STATES[command.state])],
      [words.say("why"), command.message],
      [words.say("measured"), this.#measured()],
    ];
    return facts(rows);
  }
}

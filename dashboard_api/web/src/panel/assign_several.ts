/** Giving several faults of the list to somebody at once. */

import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { ulid } from "ulid";
import { isExpected, post } from "../city/api";
import type { Fault } from "../city/types";
import { nothing, type Page } from "./page";

const ASSIGNABLE = new Set(["open", "acknowledged", "assigned"]);

export class AssignSeveral {
  readonly #page: Page;
  readonly #chosen = new Set<string>();
  #isOn = false;
  #isSending = false;
  #assignee = "";
  #message = "";

  constructor(page: Page) {
    this.#page = page;
  }

  stop(): void {
    this.#isOn = false;
    this.#message = "";
    this.#chosen.clear();
  }

  /** The button that begins and ends choosing. */
  button(rows: readonly Fault[]): TemplateResult | typeof nothing {
    const { words } = this.#page;
    if (rows.length === 0 && !this.#isOn) return nothing;
    return html`<button
      type="button"
      class="several"
      aria-pressed=${String(this.#isOn)}
      @click=${() => {
        if (this.#isOn) this.stop();
        else this.#isOn = true;
        this.#page.redraw();
      }}
    >
      ${words.say("choose_several")}
    </button>`;
  }

  /** The box before a fault's row. */
  box(fault: Fault): TemplateResult | typeof nothing {
    const { words } = this.#page;
    if (!this.#isOn) return nothing;
    return html`<label class="choose"
      ><input
        type="checkbox"
        aria-label=${words.say("choose", { what: `${words.title(fault.code)} ${fault.street ?? fault.id}` })}
        ?disabled=${!ASSIGNABLE.has(fault.state)}
        .checked=${live(this.#chosen.has(fault.id))}
        @change=${(event: Event) => {
          if ((event.target as HTMLInputElement).checked) this.#chosen.add(fault.id);
          else this.#chosen.delete(fault.id);
          this.#page.redraw();
        }}
    /></label>`;
  }

  template(rows: readonly Fault[]): TemplateResult | typeof nothing {
    const { words } = this.#page;
    if (!this.#isOn) return nothing;
    const chosen = rows.filter(({ id, state }) => this.#chosen.has(id) && ASSIGNABLE.has(state));
    return html`<form
      class="bulk"
      @submit=${(event: Event) => {
        event.preventDefault();
        void this.#send(chosen);
      }}
    >
      <input
        type="text"
        name="bulk-assignee"
        maxlength="200"
        placeholder=${words.say("assignee_hint")}
        aria-label=${words.say("assignee_hint")}
        .value=${live(this.#assignee)}
        @input=${(event: Event) => {
          this.#assignee = (event.target as HTMLInputElement).value;
        }}
      />
      <button class="primary" type="submit" aria-disabled=${String(this.#isSending)}>
        ${words.count("assign_n", chosen.length)}
      </button>
      <p class="message" role="status">${this.#message}</p>
    </form>`;
  }

  async #send(chosen: readonly Fault[]): Promise<void> {
    const { words, faults, clock } = this.#page;
    const assignee = this.#assignee.trim();
    if (this.#isSending) return;
    if (!assignee || chosen.length === 0) {
      this.#message = words.say(assignee ? "needs_choice" : "needs_assignee");
      this.#page.redraw();
      return;
    }
    this.#isSending = true;
    let n_done = 0;
    let refused = "";
    for (const fault of chosen) {
      const at = new Date(clock.nowMs()).toISOString();
      const body = { action_id: ulid(), action: "assign", assignee, at, if_version: fault.version };
      try {
        faults.take(await post<Fault>(`/faults/${encodeURIComponent(fault.id)}/actions`, body));
        this.#chosen.delete(fault.id);
        n_done += 1;
      } catch (error) {
        if (isExpected(error)) refused = error.message;
      }
    }
    this.#isSending = false;
    this.#message = words.say("assigned_n", { n: n_done, all: chosen.length });
    if (refused) this.#message += ` ${refused}`;
    this.#page.redraw();
  }
}

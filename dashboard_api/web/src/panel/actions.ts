/** What a person can do about a fault. Each tap has an identity of its own, so that a repeat counts once. */

import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { ulid } from "ulid";
import { isExpected, post, Problem } from "../city/api";
import { draftOf, keepDraft, TYPED, type Draft, type Typed } from "../city/drafts";
import type { Action, Fault } from "../city/types";
import type { Word } from "../words/catalogues";
import { nothing, type Page } from "./page";

/** The actions that lead on from each state; the server holds the same table and has the last word. */
const ALLOWED: Partial<Record<string, readonly Action[]>> = {
  open: ["acknowledge", "assign", "repair", "comment", "cannot_repair"],
  acknowledged: ["assign", "repair", "comment", "cannot_repair"],
  assigned: ["repair", "start", "assign", "comment", "cannot_repair"],
  repaired: ["reopen", "comment"],
  closed: ["reopen", "comment"],
};

/** What an action says beside the note, as the API names it. */
const SAYS: Partial<Record<Action, readonly (keyof Typed)[]>> = {
  assign: ["assignee"],
  repair: ["cause", "part"],
  cannot_repair: ["until"],
};
const DEFERRED_UP_TO_DAYS = 366;

/** The fault as it is now, which a conflict's problem document carries. */
function faultOf(problem: Problem): Fault | null {
  const { fault } = problem.document;
  return typeof fault === "object" && fault !== null && "version" in fault ? (fault as Fault) : null;
}

export class Actions {
  readonly #page: Page;
  readonly #taken: (fault: Fault | null) => void;
  #id = "";
  #draft: Draft = draftOf("");
  /** When the request without an answer was tapped, by the monotonic clock. */
  #tappedMs: number | null = null;
  #isSending = false;
  #message = "";
  #isError = false;
  /** The fault's version that the message is about: what happens afterwards makes it stale. */
  #version = 0;

  /** `taken` gets the fault after an action, or as it is now after a conflict. */
  constructor(page: Page, taken: (fault: Fault | null) => void) {
    this.#page = page;
    this.#taken = taken;
  }

  show(id: string): void {
    this.#id = id;
    this.#tappedMs = null;
    this.#draft = draftOf(id);
    this.#message = "";
  }

  #say(text: string, isError: boolean, version: number): void {
    this.#message = text;
    this.#isError = isError;
    this.#version = version;
    this.#page.redraw();
  }

  /** The request of an action: the one that is still without an answer, if it is the same. */
  #request(action: Action, fault: Fault): Record<string, unknown> {
    const note = this.#draft.note.trim();
    const said = Object.fromEntries(
      (SAYS[action] ?? []).map((name) => [name, this.#draft[name].trim()]).filter(([, text]) => text),
    ) as Partial<Typed>;
    const key = JSON.stringify([action, note, said]);
    if (this.#draft.pending?.key === key) return this.#draft.pending.body;
    const body = {
      action_id: ulid(),
      action,
      ...(note ? { note } : {}),
      ...said,
      ...(said.until ? { until: this.#page.clock.startOfDay(said.until) } : {}),
      at: new Date(this.#page.clock.nowMs()).toISOString(),
      if_version: fault.version,
    };
    this.#draft.pending = { key, body };
    this.#tappedMs = performance.now();
    keepDraft(this.#id, this.#draft);
    return body;
  }

  /** Seconds since the tap by this device's monotonic clock; unknown where the page was loaded anew meanwhile. */
  #age(): { age_s?: number } {
    return this.#tappedMs === null ? {} : { age_s: Math.round(performance.now() - this.#tappedMs) / 1000 };
  }

  /** What a person has left out that the action cannot do without. */
  #missing(action: Action): Word | null {
    const { note, assignee, until } = this.#draft;
    if (action === "assign" && !assignee.trim()) return "needs_assignee";
    if (action === "comment" && !note.trim()) return "needs_note";
    if (action === "cannot_repair" && !(note.trim() && until)) return "needs_reason_and_date";
    return null;
  }

  async #send(action: Action, fault: Fault): Promise<void> {
    const { words } = this.#page;
    if (this.#isSending) return;
    const missing = this.#missing(action);
    if (missing) {
      this.#say(words.say(missing), true, fault.version);
      return;
    }
    const id = this.#id;
    const sent: Typed = { ...this.#draft };
    const body = this.#request(action, fault);
    this.#isSending = true;
    this.#page.redraw();
    try {
      const after = await post<Fault>(`/faults/${encodeURIComponent(id)}/actions`, { ...body, ...this.#age() });
      this.#settle(id, sent);
      if (this.#id === id) this.#say(words.say("sent"), false, after.version);
      this.#taken(after);
    } catch (error) {
      if (!isExpected(error)) return;
      if (error instanceof Problem) {
        this.#draft.pending = null;
        keepDraft(id, this.#draft);
        const now = error.status === 409 ? faultOf(error) : null;
        const text = error.status === 409 ? words.say("conflict") : words.say("refused", { why: error.message });
        this.#say(text, true, now?.version ?? fault.version);
        if (error.status === 409) this.#taken(now);
      } else this.#say(words.say("not_sent"), true, fault.version);
    } finally {
      this.#isSending = false;
      this.#page.redraw();
      this.#keepFocus();
    }
  }

  /** What was sent leaves the form; what was typed meanwhile stays. */
  #settle(id: string, sent: Typed): void {
    const draft = id === this.#id ? this.#draft : draftOf(id);
    draft.pending = null;
    for (const name of TYPED) if (draft[name] === sent[name]) draft[name] = "";
    keepDraft(id, draft);
  }

  /** The button that was tapped may be gone with the state: then what came of it has the focus. */
  #keepFocus(): void {
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        if (document.activeElement !== document.body) return;
        document.querySelector<HTMLElement>(".actions .message")?.focus();
      });
    });
  }

  template(fault: Fault): TemplateResult {
    const { words } = this.#page;
    const allowed = (ALLOWED[fault.state] ?? ["comment"]).filter(
      (action) => action !== "start" || fault.started_at === null,
    );
    // What went wrong stays: the newer version may be this very action, of which only the answer was lost.
    const isStale = !this.#isError && fault.version > this.#version && this.#version > 0;
    const buttons = allowed.filter((action) => action !== "cannot_repair");
    return html`<div class="actions">
      ${this.#field("note", words.say("note_hint"), 4000)}
      ${allowed.includes("assign") ? this.#field("assignee", words.say("assignee_hint"), 200) : nothing}
      ${allowed.includes("repair") ? this.#repairFields() : nothing}
      <div class="buttons">${buttons.map((action, row) => this.#button(action, fault, row === 0))}</div>
      ${allowed.includes("cannot_repair") ? this.#deferral(fault) : nothing}
      <p class=${this.#isError ? "message error" : "message"} role="status" tabindex="-1">
        ${isStale ? "" : this.#message}
      </p>
    </div>`;
  }

  #button(action: Action, fault: Fault, isFirst: boolean): TemplateResult {
    return html`<button
      type="button"
      class=${isFirst ? "primary" : ""}
      data-action=${action}
      aria-disabled=${String(this.#isSending)}
      @click=${() => void this.#send(action, fault)}
    >
      ${this.#page.words.say(action)}
    </button>`;
  }

  /** What was broken and what was replaced: what a later purchase of parts is planned by. */
  #repairFields(): TemplateResult {
    const { words } = this.#page;
    return html`<details class="more" ?open=${Boolean(this.#draft.cause || this.#draft.part)}>
      <summary>${words.say("cause_and_part")}</summary>
      ${this.#field("cause", words.say("cause_hint"), 200)} ${this.#field("part", words.say("part_hint"), 200)}
    </details>`;
  }

  /** Giving a fault up for now: why, which the note says, and until when. */
  #deferral(fault: Fault): TemplateResult {
    const { words, clock } = this.#page;
    const day = (days: number) => clock.isoDay(clock.nowMs() + days * 86_400_000);
    return html`<details class="more" ?open=${Boolean(this.#draft.until)}>
      <summary>${words.say("cannot_repair_now")}</summary>
      <p>${words.say("cannot_repair_hint")}</p>
      <label class="line"
        ><span>${words.say("not_before")}</span>
        <input
          type="date"
          name="until"
          min=${day(1)}
          max=${day(DEFERRED_UP_TO_DAYS - 1)}
          .value=${live(this.#draft.until)}
          @input=${(event: Event) => {
            this.#take("until", event);
          }}
      /></label>
      ${this.#button("cannot_repair", fault, false)}
    </details>`;
  }

  #take(name: keyof Typed, event: Event): void {
    this.#draft[name] = (event.target as HTMLInputElement).value;
    keepDraft(this.#id, this.#draft);
  }

  #field(name: keyof Typed, hint: string, longest: number): TemplateResult {
    return html`<input
      type="text"
      name=${name}
      placeholder=${hint}
      aria-label=${hint}
      maxlength=${longest}
      dir="auto"
      .value=${live(this.#draft[name])}
      @input=${(event: Event) => {
        this.#take(name, event);
      }}
    />`;
  }
}

/** What a person can do about a fault. Each tap has an identity of its own, so that a repeat counts once. */

import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { ulid } from "ulid";
import { isExpected, post, Problem } from "../city/api";
import { draftOf, keepDraft, type Draft } from "../city/drafts";
import type { Action, Fault, FaultState } from "../city/types";
import { nothing, type Page } from "./page";

/** The actions that lead on from each state; the server holds the same table and has the last word. */
const ALLOWED: Record<FaultState, readonly Exclude<Action, "start" | "cannot_repair">[]> = {
  open: ["acknowledge", "assign", "repair", "comment"],
  acknowledged: ["assign", "repair", "comment"],
  assigned: ["repair", "assign", "comment"],
  repaired: ["reopen", "comment"],
  closed: ["reopen", "comment"],
};

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
    const assignee = this.#draft.assignee.trim();
    const key = JSON.stringify([action, note, action === "assign" ? assignee : ""]);
    if (this.#draft.pending?.key === key) return this.#draft.pending.body;
    const body = {
      action_id: ulid(),
      action,
      ...(note ? { note } : {}),
      ...(action === "assign" ? { assignee } : {}),
      at: new Date(this.#page.clock.nowMs()).toISOString(),
      if_version: fault.version,
    };
    this.#draft.pending = { key, body };
    keepDraft(this.#id, this.#draft);
    return body;
  }

  async #send(action: Action, fault: Fault): Promise<void> {
    const { words } = this.#page;
    if (this.#isSending) return;
    if (action === "assign" && !this.#draft.assignee.trim()) {
      this.#say(words.say("needs_assignee"), true, fault.version);
      return;
    }
    if (action === "comment" && !this.#draft.note.trim()) {
      this.#say(words.say("needs_note"), true, fault.version);
      return;
    }
    const id = this.#id;
    const sent = { note: this.#draft.note, assignee: this.#draft.assignee };
    const body = this.#request(action, fault);
    this.#isSending = true;
    this.#page.redraw();
    try {
      const after = await post<Fault>(`/faults/${encodeURIComponent(id)}/actions`, body);
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
  #settle(id: string, sent: { note: string; assignee: string }): void {
    const draft = id === this.#id ? this.#draft : draftOf(id);
    draft.pending = null;
    if (draft.note === sent.note) draft.note = "";
    if (draft.assignee === sent.assignee) draft.assignee = "";
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
    const allowed = ALLOWED[fault.state];
    const isStale = fault.version > this.#version && this.#version > 0;
    return html`<div class="actions">
      ${this.#field("note", words.say("note_hint"), 4000)}
      ${allowed.includes("assign") ? this.#field("assignee", words.say("assignee_hint"), 200) : nothing}
      <div class="buttons">
        ${allowed.map(
          (action, row) =>
            html`<button
              type="button"
              class=${row === 0 ? "primary" : ""}
              data-action=${action}
              aria-disabled=${String(this.#isSending)}
              @click=${() => void this.#send(action, fault)}
            >
              ${words.say(action)}
            </button>`,
        )}
      </div>
      <p class=${this.#isError ? "message error" : "message"} role="status" tabindex="-1">
        ${isStale ? "" : this.#message}
      </p>
    </div>`;
  }

  #field(name: "note" | "assignee", hint: string, longest: number): TemplateResult {
    return html`<input
      type="text"
      name=${name}
      placeholder=${hint}
      aria-label=${hint}
      maxlength=${longest}
      dir="auto"
      .value=${live(this.#draft[name])}
      @input=${(event: Event) => {
        this.#draft[name] = (event.target as HTMLInputElement).value;
        keepDraft(this.#id, this.#draft);
      }}
    />`;
  }
}

/** Asks once more before a controller is let in or refused. Owns the dialog; what the answer does is its caller's. */

import { html, type TemplateResult } from "lit-html";
import type { WaitingEnrolment } from "../city/types";
import { nothing } from "./page";

/** A message of the page of controllers by its id, without its `admission.`. */
export type Say = (word: EnrolmentWord, filling?: Record<string, string | number>) => string;
export type EnrolmentWord = import("../words/catalogues").MessageId extends infer Id
  ? Id extends `admission.${infer Name}`
    ? Name
    : never
  : never;

export interface Question {
  request: WaitingEnrolment;
  approve: boolean;
}

/** The open question; Escape and "no" close it, and the focus goes back to the button that asked. */
export function questionTemplate(
  question: Question | null,
  say: Say,
  answer: (isYes: boolean) => void,
): TemplateResult | typeof nothing {
  if (!question) return nothing;
  const { request, approve } = question;
  return html`<dialog
    class="question"
    aria-labelledby="question-title"
    @cancel=${(event: Event) => {
      event.preventDefault();
      answer(false);
    }}
    @close=${() => {
      answer(false); // a browser that lets nobody keep a dialog open
    }}
    @keydown=${(event: Event) => {
      event.stopPropagation(); // Escape closes the question, not the view behind it
    }}
  >
    <h3 id="question-title">${say(approve ? "ask_approve" : "ask_refuse", { controller: request.controller_id })}</h3>
    ${approve ? html`<p>${say("compare")}</p>` : nothing}
    <p class="key">${request.key}</p>
    <div class="buttons">
      <button
        type="button"
        class="primary"
        data-answer="yes"
        @click=${() => {
          answer(true);
        }}
      >
        ${say(approve ? "approve" : "refuse")}
      </button>
      <button
        type="button"
        data-answer="no"
        autofocus
        @click=${() => {
          answer(false);
        }}
      >
        ${say("cancel")}
      </button>
    </div>
  </dialog>`;
}

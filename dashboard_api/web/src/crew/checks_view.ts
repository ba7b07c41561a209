/** Reports of citizens of which no fault is known: a crew looks, and says what it found, with or without a network. */

import { html, type TemplateResult } from "lit-html";
import { lasting } from "../city/clock";
import type { CheckItem, CheckOutcome } from "../city/types";
import { ageText, type Crew, type CrewPart } from "./crew";
import { openChecks } from "./work_list";

const OUTCOMES: readonly CheckOutcome[] = ["in_order", "mended", "not_found"];

export class ChecksView implements CrewPart {
  readonly #crew: Crew;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  template(): TemplateResult {
    const { words, data, rows } = this.#crew;
    const checks = openChecks(data.checks ?? [], rows);
    return html`<section class="checks">
      <h2>${words.say("crew.checks")}</h2>
      <p class="hint">${words.say("crew.checks_lead")}</p>
      ${data.checks === null ? html`<p class="empty">${ageText(null, this.#crew)}</p>` : ""}
      ${data.checks !== null && checks.length === 0 ? html`<p class="empty">${words.say("crew.no_checks")}</p>` : ""}
      <ol class="reports">
        ${checks.map((check) => html`<li>${this.#row(check)}</li>`)}
      </ol>
    </section>`;
  }

  #row(check: CheckItem): TemplateResult {
    const { words, clock } = this.#crew;
    const { latitude, longitude } = check;
    const point = latitude === null || longitude === null ? null : `${latitude.toFixed(6)},${longitude.toFixed(6)}`;
    const age = lasting((clock.nowMs() - Date.parse(check.at)) / 1000, words.words.locale);
    return html`<div class="report" data-check=${check.number}>
      <p class="place" dir="auto"><b>${placeOfCheck(check)}</b></p>
      ${check.description ? html`<p class="place" dir="auto">${check.description}</p>` : ""}
      <p class="hint">
        ${words.say("crew.since", { t: age })} · ${words.count("crew.n_reports", check.n_reports)} · ${check.number}
      </p>
      <div class="buttons">
        ${OUTCOMES.map(
          (outcome) =>
            html`<button
              type="button"
              data-outcome=${outcome}
              @click=${() => void this.#crew.answerCheck(check.number, outcome, placeOfCheck(check))}
            >
              ${words.coded("crew.check", outcome)}
            </button>`,
        )}
        ${point ? html`<a class="button" href="geo:${point}?q=${point}">${words.say("crew.navigate")}</a>` : ""}
      </div>
    </div>`;
  }
}

function placeOfCheck(check: CheckItem): string {
  return [check.address, check.lamp_id].filter(Boolean).join(" · ") || check.number;
}

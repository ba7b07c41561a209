/** What became of repairs: this crew's own, and in the morning what is still dark. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { Fault } from "../city/types";
import { ageText, mendedText, momentText, placeOf, titleOf, type Crew, type CrewPart } from "./crew";
import type { ListedRepair } from "./crew_data";
import { repairWords } from "./fault_detail";
import { workRow } from "./list_view";
import { reportRow } from "./outbox_view";
import { pointOf, stateOf } from "./work_list";
import { metresBetween } from "./distance";

const DARK_CODES = new Set([
  "lampFailure",
  "circuitFailure",
  "cableFailure",
  "supplyLoss",
  "contactorFailure",
  "controlGearFailure",
]);
const MOST_ROWS = 100;

function repairRow(repair: ListedRepair, crew: Crew): TemplateResult {
  const { fault } = repair;
  const told = mendedText(repair.cause, repair.part, crew);
  return html`<li>
    <a class="repaired" data-fault=${fault.id} href=${crew.hrefOf({ fault: fault.id })}>
      <strong>${titleOf(fault, crew)}</strong>
      <span class="place" dir="auto">${placeOf(fault, crew)}</span>
      <span class="result ${repair.result}">${repairWords(repair, fault, crew)}</span>
      <span class="hint"
        >${crew.words.coded("crew.did", "repair")} ${momentText(repair.at, crew)}${told ? ` · ${told}` : ""}</span
      >
    </a>
  </li>`;
}

function switchTemplate(crew: Crew): TemplateResult {
  const { words, route } = crew;
  const tab = (view: "repairs" | "morning", text: string) =>
    html`<button
      type="button"
      class="chip"
      data-view=${view}
      aria-pressed=${String(route.view === view)}
      @click=${() => {
        crew.go({ view });
      }}
    >
      ${text}
    </button>`;
  return html`<div class="tools">
    ${tab("repairs", words.say("crew.my_repairs"))}${tab("morning", words.say("crew.morning"))}
  </div>`;
}

export class RepairsView implements CrewPart {
  readonly #crew: Crew;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, data } = crew;
    const repairs = data.repairs;
    const waiting = crew.rows.filter(({ state, body }) => state !== "sent" && body?.action === "repair");
    return html`<section class="repairs">
      ${switchTemplate(crew)}
      <h2>${words.say("crew.my_repairs")}</h2>
      ${waiting.length > 0 ? html`<p class="hint">${words.count("crew.n_unsent", waiting.length)}</p>` : nothing}
      <ol class="reports">
        ${waiting.map((row) => html`<li>${reportRow(row, crew, true)}</li>`)}
      </ol>
      ${repairs === null ? html`<p class="empty">${ageText(null, crew)}</p>` : nothing}
      ${repairs?.length === 0 && waiting.length === 0 ? html`<p class="empty">${words.say("crew.no_repairs")}</p>` : nothing}
      <ol class="repair-list">
        ${repairs?.map((repair) => repairRow(repair, crew))}
      </ol>
    </section>`;
  }
}

export class MorningView implements CrewPart {
  readonly #crew: Crew;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  /** Everything that leaves lamps dark and is not repaired, most urgent first. */
  #dark(): Fault[] {
    const { data, reports } = this.#crew;
    const isDone = (fault: Fault) => stateOf(fault, reports.get(fault.id) ?? []) === "repaired";
    return data.faults().filter((fault) => DARK_CODES.has(fault.code) && !isDone(fault));
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, data, position } = crew;
    const dark = this.#dark();
    const undone = data.stillDark ?? [];
    const lamps = dark.reduce((sum, fault) => sum + fault.lamp_ids.length, 0);
    return html`<section class="morning">
      ${switchTemplate(crew)}
      <h2>${words.say("crew.morning_repaired")}</h2>
      ${undone.length === 0 ? html`<p class="empty">${words.say("crew.morning_none")}</p>` : nothing}
      <ol class="repair-list">
        ${undone.map((repair) => repairRow(repair, crew))}
      </ol>
      <h2>${words.say("crew.morning_dark")} · ${words.count("crew.n_lamps", lamps)}</h2>
      <ol class="rows">
        ${dark.slice(0, MOST_ROWS).map((fault) => {
          const point = pointOf(fault);
          const metres = position.here && point ? metresBetween(position.here, point) : null;
          return html`<li>${workRow({ kind: "row", fault, metres, report: null }, crew)}</li>`;
        })}
      </ol>
    </section>`;
  }
}

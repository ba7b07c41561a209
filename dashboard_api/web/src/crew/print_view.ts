/** The tour or the list on paper: a table with room to write, and what to bring. */

import { html, nothing, type TemplateResult } from "lit-html";
import { EvidenceWords } from "../words/evidence_words";
import { ageText, momentText, titleOf, type Crew, type CrewPart } from "./crew";
import { bringList } from "./tour_view";
import type { WorkRow } from "./work_list";

const MOST = 300; // rows of a sheaf that somebody still carries

export class PrintView implements CrewPart {
  readonly #crew: Crew;
  readonly #rows: () => readonly WorkRow[];

  constructor(crew: Crew, rows: () => readonly WorkRow[]) {
    this.#crew = crew;
    this.#rows = rows;
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, data } = crew;
    const evidence = new EvidenceWords(words.words, crew.clock);
    const all = this.#rows();
    const rows = all.slice(0, MOST);
    const now = momentText(new Date(crew.clock.nowMs()).toISOString(), crew);
    return html`<section class="paper">
      <h2>${data.city?.name ?? "Terang"} · ${words.count("crew.n_faults", all.length)}</h2>
      <p>${now} · ${ageText(data.ageMs(), crew)}${crew.name ? ` · ${crew.name}` : ""}</p>
      ${all.length > MOST ? html`<p><b>${words.say("crew.print_first", { n: MOST, total: all.length })}</b></p>` : nothing}
      <p class="screen">
        <button
          type="button"
          class="primary"
          @click=${() => {
            window.print();
          }}
        >
          ${words.say("crew.print")}
        </button>
      </p>
      <table>
        <thead>
          <tr>
            <td></td>
            <th>${words.say("crew.where")}</th>
            <th>${words.say("crew.what")}</th>
            <th>${words.say("crew.priority")}</th>
            <th>${words.say("crew.done")}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ fault }, row) =>
              html`<tr>
                <td>${row + 1}</td>
                <td dir="auto">
                  ${fault.street ?? ""}<br />${[fault.lamp_id, fault.cabinet_id].filter(Boolean).join(" · ")}<br />
                  <small>${fault.latitude?.toFixed(5)}, ${fault.longitude?.toFixed(5)}</small>
                </td>
                <td><b>${titleOf(fault, crew)}</b><br />${evidence.sentence(fault.code, fault.evidence)}</td>
                <td>${fault.priority}</td>
                <td class="write"></td>
              </tr>`,
          )}
        </tbody>
      </table>
      ${bringList(
        rows.map(({ fault }) => fault),
        crew,
        true,
      )}
    </section>`;
  }
}

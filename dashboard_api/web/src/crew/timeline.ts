/** What happened to a fault, entry by entry, in words. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { FaultDetail } from "../city/types";
import { EvidenceWords } from "../words/evidence_words";
import { momentText, type Crew } from "./crew";

export function timelineList(entries: FaultDetail["timeline"], crew: Crew): TemplateResult {
  const evidenceWords = new EvidenceWords(crew.words.words, crew.clock);
  return html`<ol class="timeline">
    ${entries.toReversed().map((entry) => {
      const note = evidenceWords.note(entry);
      const who = entry.actor === "telemetry" || entry.actor === "local" ? "" : ` · ${entry.actor}`;
      return html`<li>
        <time datetime=${entry.at}>${momentText(entry.at, crew)}</time>
        <b>${crew.words.coded("crew.did", entry.kind)}</b>${who} ${note ? html`<q dir="auto">${note}</q>` : nothing}
      </li>`;
    })}
  </ol>`;
}

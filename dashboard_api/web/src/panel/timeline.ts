/** What has happened to a fault, newest first: who did what, with what reason, cause and part. */

import { html, type TemplateResult } from "lit-html";
import type { TimelineEntry } from "../city/types";
import type { EvidenceWords } from "../words/evidence_words";
import { nothing, type Page } from "./page";

export function timelineTemplate(
  page: Page,
  evidence: EvidenceWords,
  entries: readonly TimelineEntry[],
): TemplateResult | typeof nothing {
  const { words } = page;
  if (entries.length === 0) return nothing;
  return html`<section>
    <h3>${words.say("timeline")}</h3>
    <ol class="timeline">
      ${entries.toReversed().map((entry) => moment(page, evidence, entry))}
    </ol>
  </section>`;
}

function moment(page: Page, evidence: EvidenceWords, entry: TimelineEntry): TemplateResult {
  const { words, clock } = page;
  const did = words.find(`page.did_${entry.kind}`) ?? entry.kind;
  const note = evidence.note(entry);
  const byWhom = { telemetry: words.say("by_telemetry"), local: words.say("by_local") }[entry.actor] ?? entry.actor;
  const assignee = typeof entry.data.assignee === "string" ? entry.data.assignee : "";
  const { cause, part, until } = entry.data;
  const said = [cause, part].filter((text): text is string => typeof text === "string" && text !== "");
  if (typeof until === "string") said.push(words.say("until", { t: clock.shortDay(Date.parse(until), words.locale) }));
  return html`<li>
    <time datetime=${entry.at}>${clock.moment(Date.parse(entry.at), words.locale)}</time>
    <span><b>${did}</b>${assignee ? ` → ${assignee}` : ""} · ${byWhom}</span>
    ${said.length > 0 ? html`<span dir="auto">${said.join(" · ")}</span>` : nothing}
    ${note ? html`<q dir="auto">${note}</q>` : nothing}
  </li>`;
}

/** The city at a glance: what share of its lamps is lit, what is not known, and how the districts stand. */

import { html, type TemplateResult } from "lit-html";
import { LAMP_STATES, type DistrictFigures, type LampState } from "../city/types";
import { nothing, type Page } from "./page";

/** Numbers of lamps by state; a server of an older version lacks some, a newer one others. */
export type Figures = { lit_share: number | null } & Partial<Record<LampState, number>>;

function parts(figures: Figures): [LampState, number][] {
  return LAMP_STATES.map((state): [LampState, number] => [state, figures[state] ?? 0]).filter(([, n]) => n > 0);
}

/** A bar whose parts are the lamps by state; the words beside it say the same. */
export function bar(figures: Figures): TemplateResult {
  return html`<span class="bar" aria-hidden="true">
    ${parts(figures).map(([state, n]) => html`<span class=${state} .style=${`flex-grow:${n}`}></span>`)}
  </span>`;
}

/** The headline over the map. */
export function overview(page: Page): TemplateResult {
  const { words, summary } = page;
  if (!summary) return html`<p class="share day">${words.say("loading")}</p>`;
  const figures: Figures = summary.lamps;
  const share = figures.lit_share;
  const quiet = summary.lamps.total === 0 ? "no_lamps" : (figures.off ?? 0) > 0 ? "by_day" : "no_word_yet";
  return html`
    ${
      share === null
        ? html`<p class="share day">${words.say(quiet)}</p>`
        : html`<p class="share" title=${words.say("lit_share_title")}>
            <b>${words.percent(share)}</b> <span>${words.say("lit_share")}</span>
          </p>`
    }
    ${bar(figures)}
    <ul class="counts">
      ${parts(figures).map(([state, n]) => html`<li class=${state}><b>${words.figure(n, 0)}</b> ${words.say(state)}</li>`)}
    </ul>
  `;
}

/** The districts, each a way to its faults. */
export function districts(page: Page, onDistrict: (name: string) => void): TemplateResult | typeof nothing {
  const { words } = page;
  const rows = [...(page.summary?.districts ?? [])];
  if (rows.length < 2) return nothing;
  rows.sort((a, b) => (a.district ?? "").localeCompare(b.district ?? ""));
  const row = (each: DistrictFigures) =>
    html`<button
      class="district"
      type="button"
      @click=${() => {
        onDistrict(each.district ?? "");
      }}
    >
      <span dir="auto">${each.district ?? words.say("no_district")}</span>
      ${bar(each)}
      <span class="figure">${each.lit_share === null ? "–" : words.percent(each.lit_share)}</span>
      <span class="figure faults">${words.count("n_faults", each.open_faults)}</span>
    </button>`;
  return html`<details class="districts">
    <summary>${words.say("districts")}</summary>
    ${rows.map(row)}
  </details>`;
}

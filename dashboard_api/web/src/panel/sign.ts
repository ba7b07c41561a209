/** The signs of faults and lamps as templates, for lists and the legend. */

import { html, svg, type TemplateResult } from "lit-html";
import type { LampState } from "../city/types";
import { SHAPES, type Family } from "../map/icons";

const INK = "#05070d";

/** The sign of a family; its colour is the severity's, which the class around it names. */
export function sign(family: Family, full: boolean): TemplateResult {
  const { outline, glyph } = SHAPES[family];
  return html`<svg viewBox="0 0 32 32" class="sign" aria-hidden="true">
    ${svg`<path d=${outline} fill=${full ? "var(--sign)" : INK} stroke="var(--sign)" stroke-width="2.2"></path>
      <path d=${glyph} fill="none" stroke=${full ? INK : "var(--sign)"} stroke-width="2.2"
        stroke-linecap="round" stroke-linejoin="round"></path>`}
  </svg>`;
}

/** A lamp's state as a mark: its shape says it too, for eyes that tell colours apart badly. */
export function bulb(state: LampState): TemplateResult {
  return html`<span class="bulb ${state}" aria-hidden="true"></span>`;
}

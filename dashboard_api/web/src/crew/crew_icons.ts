/** The signs of tabs and buttons, drawn as strokes on a 24 × 24 grid. */

import { html, type TemplateResult } from "lit-html";

const PATHS = {
  work: "M4 6h16M4 12h16M4 18h10",
  tour: "M6 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM18 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM8 18h7a3 3 0 0 0 0-6H9a3 3 0 0 1 0-6h7",
  repairs: "M4 12.5 9.5 18 20 7",
  outbox: "M12 15V4M7.5 8.5 12 4l4.5 4.5M4 15v5h16v-5",
  scan: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8 8h3.5v3.5H8ZM13 13h3v3h-3Z",
  navigate: "M21 3 3 10.5l7.5 3L14 21Z",
} as const;

export function icon(name: keyof typeof PATHS): TemplateResult {
  return html`<svg viewBox="0 0 24 24" class="icon" aria-hidden="true"><path d=${PATHS[name]}></path></svg>`;
}

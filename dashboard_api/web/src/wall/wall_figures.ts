/** The wall's three figures: energy of the night, the oldest fault, proved repairs. */

import { html, type TemplateResult } from "lit-html";
import { lasting } from "../city/clock";
import type { LiveRoom } from "../city/types";
import { fitting } from "./fitting";
import { standsS, where, type Wall } from "./wall_view";
import { say } from "./wall_words";

/** Room for a figure beside its unit, and its size where it is short; hundredths of the screen's height. */
const ROOM = { energy: [22, 7], oldest: [36, 6], repairs: [29, 7] } as const;

function tile(
  name: keyof typeof ROOM,
  value: string,
  unit: string,
  label: string,
  notes: readonly string[],
): TemplateResult {
  const [room, largest] = ROOM[name];
  return html`<div class="tile ${name}">
    <p class="label">${label}</p>
    <p class="value" style=${fitting([value], room, largest)}><b>${value}</b> ${unit}</p>
    ${notes.filter((note) => note !== "").map((note) => html`<p class="note" dir="auto">${note}</p>`)}
  </div>`;
}

/** Measured energy; what was not measured stands beside it and is never added to it. */
export function energyTile({ words, clock }: Wall, { energy }: LiveRoom): TemplateResult {
  const label = say(words, energy.is_over ? "last_night" : "tonight");
  if (energy.newest_hour === null) return tile("energy", "–", "kWh", label, [say(words, "no_energy")]);
  const others = energy.estimated_kwh + energy.interpolated_kwh;
  const notes = [
    energy.is_over ? "" : say(words, "counted_to", { t: clock.time(Date.parse(energy.newest_hour), words.locale) }),
    others >= 0.5 ? say(words, "not_measured", { n: words.figure(others, 0) }) : "",
  ];
  const digits = energy.measured_kwh < 100 ? 1 : 0;
  return tile("energy", words.figure(energy.measured_kwh, digits), "kWh", label, notes);
}

export function oldestTile({ words, clock }: Wall, { oldest }: LiveRoom): TemplateResult {
  const label = say(words, "oldest");
  if (!oldest) return tile("oldest", "–", "", label, [say(words, "nothing_open")]);
  return tile("oldest", lasting(standsS(oldest, clock), words.locale), "", label, [oldest.title, where(oldest)]);
}

export function repairsTile({ words }: Wall, { repairs }: LiveRoom): TemplateResult {
  const { verified, still_dark, waiting, is_whole } = repairs;
  const notes = [
    still_dark > 0 ? say(words, "still_dark", { n: words.figure(still_dark, 0) }) : "",
    waiting > 0 ? say(words, "not_proved", { n: words.figure(waiting, 0) }) : "",
  ];
  return tile("repairs", `${is_whole ? "" : "≥ "}${words.figure(verified, 0)}`, "", say(words, "proved"), notes);
}

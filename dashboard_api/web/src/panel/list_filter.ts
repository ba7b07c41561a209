/** The fields of the list's filter. */

import { html, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { collator } from "../city/formats";
import type { Filter } from "../city/fault_store";
import { cabinetName, nothing, type Page } from "./page";

type Option = readonly [value: string, text: string];

const AGES_H = [
  ["1", "within_1"],
  ["24", "within_24"],
  ["168", "within_168"],
] as const;

export function filterFields(page: Page, filter: Filter, change: (part: Partial<Filter>) => void): TemplateResult {
  const { words, summary } = page;
  const pick = (label: string, name: keyof Filter, all: string, options: readonly Option[]) =>
    html`<select
      aria-label=${label}
      name=${name}
      @change=${(event: Event) => {
        const { value } = event.target as HTMLSelectElement;
        change({ [name]: name === "withinHours" ? Number(value) : value });
      }}
    >
      <option value=${name === "withinHours" ? "0" : ""}>${all}</option>
      ${options.map(
        ([value, text]) => html`<option value=${value} ?selected=${String(filter[name]) === value}>${text}</option>`,
      )}
    </select>`;
  const districts = (summary?.districts ?? []).map(({ district }) => district ?? "").filter(Boolean);
  const codes = words.codes().map((code): Option => [code, words.title(code)]);
  codes.sort(([, a], [, b]) => collator(words.locale).compare(a, b));
  const states = (["open", "acknowledged", "assigned", "repaired", "closed"] as const).map((state): Option => [
    state,
    words.say(state),
  ]);
  const ages = AGES_H.map(([hours, word]): Option => [hours, words.say(word)]);
  return html`<div class="filters">
    <input
      type="search"
      maxlength="100"
      placeholder=${words.say("search")}
      aria-label=${words.say("search")}
      .value=${live(filter.text)}
      @input=${(event: Event) => {
        change({ text: (event.target as HTMLInputElement).value });
      }}
    />
    ${pick(words.say("state"), "state", words.say("all_states"), states)}
    ${pick(words.say("kind"), "code", words.say("all_codes"), codes)}
    ${
      districts.length > 1
        ? pick(
            words.say("district"),
            "district",
            words.say("all_districts"),
            districts.sort().map((name): Option => [name, name]),
          )
        : nothing
    }
    ${pick(words.say("age"), "withinHours", words.say("all_ages"), ages)}
    ${
      filter.cabinetId
        ? html`<button
            class="chip"
            type="button"
            title=${words.say("remove")}
            @click=${() => {
              change({ cabinetId: "" });
            }}
          >
            ${words.say("only_cabinet", { id: cabinetName(filter.cabinetId, page) })} ×
          </button>`
        : nothing
    }
  </div>`;
}

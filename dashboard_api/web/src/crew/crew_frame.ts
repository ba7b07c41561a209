/** The frame of the crew's page: the bar with the data's age, alarms, and the tabs. */

import { html, nothing, type TemplateResult } from "lit-html";
import { lookOf } from "../city/types";
import { ageText, signInAddress, type Crew } from "./crew";
import { icon } from "./crew_icons";
import { hasBack, START } from "./crew_route";
import type { CrewMessage } from "./crew_words";

const TABS: readonly ["work" | "tour" | "repairs" | "outbox" | "scan", CrewMessage][] = [
  ["work", "crew.tab_work"],
  ["tour", "crew.tab_tour"],
  ["repairs", "crew.tab_repairs"],
  ["outbox", "crew.tab_outbox"],
  ["scan", "crew.tab_scan"],
];

/** What must not be overlooked; `nLost` = reports that a cleared storage took along, null = it was not cleared. */
export function alarmTemplate(crew: Crew, nLost: number | null, dismiss: () => void): TemplateResult {
  const { words } = crew;
  const said: CrewMessage[] = [];
  if (!crew.database) said.push("crew.no_storage");
  if (crew.data.trouble === "refused") said.push("crew.not_allowed");
  return html`${said.map((id) => html`<p class="alarm" role="alert">${words.say(id)}</p>`)}
  ${
    nLost === null
      ? nothing
      : html`<p class="alarm" role="alert" data-alarm="cleared">
          ${words.say("crew.storage_cleared")} ${nLost > 0 ? words.count("crew.n_lost", nLost) : nothing}
          <button type="button" @click=${dismiss}>${words.say("crew.understood")}</button>
        </p>`
  }
  ${
    crew.data.trouble === "sign_in"
      ? html`<p class="alarm">
          ${words.say("crew.signed_out")}
          <a class="button" href=${signInAddress()}>${words.say("crew.sign_in")}</a>
        </p>`
      : nothing
  }`;
}

/** Title and colour of the document, as the city has them. */
export function dressDocument({ words, data }: Crew): void {
  const look = data.city ? lookOf(data.city) : null;
  document.title = `${words.say("crew.title")} · ${look?.title ?? "Terang"}`;
  document.documentElement.style.setProperty("--accent", look?.accent ?? "transparent");
}

export function barTemplate(crew: Crew): TemplateResult {
  const { words, data, route } = crew;
  const { trouble } = data;
  const look = data.city ? lookOf(data.city) : null;
  const isLost = trouble === "offline" || trouble === "server" || trouble === "busy";
  return html`
    ${
      hasBack(route)
        ? html`<button
            type="button"
            class="back"
            aria-label=${words.say("crew.back")}
            @click=${() => {
              crew.back();
            }}
          >
            ‹
          </button>`
        : nothing
    }
    <h1 dir="auto">
      ${look?.logo ? html`<img class="logo" src=${look.logo} alt="" />` : nothing}${look?.title ?? "Terang"}
    </h1>
    <p class=${isLost ? "age lost" : "age"} role="status">
      ${isLost ? html`<b>${words.say(trouble === "offline" ? "crew.offline" : "crew.server_fails")}</b> · ` : nothing}${ageText(data.ageMs(), crew)}
    </p>
    <div class="languages" role="group" aria-label=${words.say("crew.language")}>
      ${words.words.languages().map(
        ({ code, name }) =>
          html`<button
            type="button"
            lang=${code}
            title=${name}
            aria-pressed=${String(words.words.language === code)}
            @click=${() => {
              words.words.choose(code);
            }}
          >
            ${code.toUpperCase()}
          </button>`,
      )}
    </div>
  `;
}

export function navTemplate(crew: Crew): TemplateResult {
  const { words, route } = crew;
  const n = crew.rows.filter(({ state }) => state !== "sent").length;
  const needsPerson = crew.rows.some(({ state }) => state === "conflict" || state === "refused");
  const view = route.view === "morning" ? "repairs" : route.view === "checks" ? "work" : route.view;
  return html`${TABS.map(
    ([name, word]) =>
      html`<a
        href=${crew.hrefOf({ ...START, view: name })}
        data-tab=${name}
        aria-current=${view === name ? "page" : "false"}
        @click=${(event: MouseEvent) => {
          event.preventDefault();
          crew.go({ view: name });
        }}
        >${icon(name)}${words.say(word)}${
          name === "outbox" && n > 0 ? html`<b class=${needsPerson ? "n person" : "n"}>${n}</b>` : nothing
        }</a
      >`,
  )}`;
}

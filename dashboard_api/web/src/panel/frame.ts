/** The page's frame: the bar with name, clock and connection, the legend, the language. */

import { html, type TemplateResult } from "lit-html";
import { LAMP_STATES, lookOf } from "../city/types";
import { FAMILIES, SEVERITIES } from "../map/icons";
import { menuTemplate } from "./menu";
import { nothing, type Page } from "./page";
import { bulb, sign } from "./sign";

/** What the bar says of the connection. */
export interface LinkWords {
  text: string;
  isLost: boolean;
}

export function barTemplate(page: Page, link: LinkWords): TemplateResult {
  const { words, city, clock } = page;
  const nowMs = clock.nowMs();
  const look = city ? lookOf(city) : null;
  return html`
    <div class="name">
      <h1 dir="auto">
        ${look?.logo ? html`<img class="logo" src=${look.logo} alt="" />` : nothing}${look?.title ?? "Terang"}
      </h1>
      ${
        city
          ? html`<p class="clock">
              <b>${clock.time(nowMs, words.locale)}</b> ${clock.zone()}<span class="day"
                >${clock.day(nowMs, words.locale)}</span
              >
            </p>`
          : nothing
      }
    </div>
    <p class=${link.isLost ? "link lost" : "link"} role="status"><span class="dot"></span><span>${link.text}</span></p>
    ${page.me?.accounts ? html`<a class="account" href="/sign-in">${words.say("signed_in_as", { name: page.me.name })}</a>` : nothing}
    <div class="languages" role="group" aria-label=${words.say("language")}>
      ${words.languages().map(
        ({ code, name }) =>
          html`<button
            type="button"
            lang=${code}
            title=${name}
            aria-pressed=${String(words.language === code)}
            @click=${() => {
              words.choose(code);
            }}
          >
            ${code.toUpperCase()}
          </button>`,
      )}
    </div>
    ${menuTemplate(page)}
  `;
}

export function legendTemplate(page: Page): TemplateResult {
  const { words } = page;
  return html`<details>
    <summary>${words.say("legend")}</summary>
    <ul>
      ${FAMILIES.map((family) => html`<li class="plain">${sign(family, true)}${words.say(`family_${family}`)}</li>`)}
      ${SEVERITIES.map((each) => html`<li class=${each}><span class="dot severity-dot"></span>${words.say(each)}</li>`)}
      ${LAMP_STATES.map((state) => html`<li>${bulb(state)}${words.say(state)}</li>`)}
    </ul>
    <p>${words.say("legend_full")}</p>
  </details>`;
}

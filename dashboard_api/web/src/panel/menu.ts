/** The menu of the bar: the other pages of the city, and signing out. */

import { html, type TemplateResult } from "lit-html";
import type { Word } from "../words/catalogues";
import { href, nothing, type Page } from "./page";

const PAGES: readonly (readonly [address: string, word: Word])[] = [
  ["/crew", "to_crew"],
  ["/live", "to_live"],
  ["/open", "to_open"],
  ["/lapor", "to_report"],
];
const DECIDERS: readonly unknown[] = ["operator", "administrator"];

function shut(event: Event): void {
  (event.currentTarget as Element).closest("details")?.removeAttribute("open");
}

/** Close an open menu where something else is pressed. */
function watch(event: Event): void {
  const menu = event.currentTarget as HTMLDetailsElement;
  if (!menu.open) return;
  const away = (press: Event) => {
    if (menu.contains(press.target as Node)) return;
    menu.open = false;
    document.removeEventListener("pointerdown", away);
  };
  document.addEventListener("pointerdown", away);
}

function escape(event: KeyboardEvent): void {
  const menu = event.currentTarget as HTMLDetailsElement;
  if (event.key !== "Escape" || !menu.open) return;
  event.stopPropagation(); // it closes the menu, not the view
  menu.open = false;
  menu.querySelector("summary")?.focus();
}

export function menuTemplate({ words, me }: Page): TemplateResult {
  return html`<details class="menu" @toggle=${watch} @keydown=${escape}>
    <summary>${words.say("menu")}</summary>
    <nav aria-label=${words.say("menu")}>
      ${PAGES.map(([address, word]) => html`<a href=${address}>${words.say(word)}</a>`)}
      ${
        DECIDERS.includes(me?.role)
          ? html`<a data-view="controllers" href=${href({ view: "controllers", id: "" })} @click=${shut}
              >${words.say("to_controllers")}</a
            >`
          : nothing
      }
      ${
        me?.accounts
          ? html`<a href="/sign-in">${words.say("signed_in_as", { name: me.name })}</a>
              <form method="post" action="/sign-out"><button>${words.say("sign_out")}</button></form>`
          : nothing
      }
    </nav>
  </details>`;
}

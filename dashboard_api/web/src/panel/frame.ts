/** The page's frame: what stands where, the bar with name, clock and connection, the legend, the language. */

import { fill, h } from "../dom";
import { FAMILIES, SEVERITIES, SEVERITY_COLOUR, signElement } from "../map/icons";
import type { CityClock } from "../city/clock";
import type { Words } from "../words/words";

export class Frame {
  readonly map = h("div", { id: "map" });
  readonly panel = h("aside", { id: "panel" });
  readonly overview = h("div", { id: "overview" });
  readonly legend = h("details", { id: "legend" });
  readonly #name = h("h1", {}, "Terang");
  readonly #clock = h("p", { class: "clock" });
  readonly #link = h("p", { class: "link", role: "status" });
  readonly #account = h("a", { class: "account", href: "/sign-in" });
  readonly #languages = h("div", { class: "languages", role: "group" });
  readonly #herald = h("p", { class: "unseen", "aria-live": "polite" });
  readonly #skip = h("a", { class: "skip", href: "#faults" });
  readonly #words: Words;

  constructor(words: Words) {
    this.#words = words;
    const bar = h(
      "header",
      { id: "bar" },
      h("div", { class: "name" }, this.#name, this.#clock),
      this.#link,
      this.#account,
      this.#languages,
    );
    document.body.append(this.#skip, bar, this.overview, this.map, this.panel, this.legend, this.#herald);
  }

  render(): void {
    const words = this.#words;
    fill(this.#skip, words.say("skip"));
    this.map.setAttribute("aria-label", words.say("map_label"));
    this.panel.setAttribute("aria-label", words.say("list"));
    this.#languages.setAttribute("aria-label", words.say("language"));
    const button = ({ code: language, name }: { code: string; name: string }) =>
      h(
        "button",
        {
          lang: language,
          title: name,
          "aria-pressed": String(words.language === language),
          click: () => {
            words.choose(language);
          },
        },
        language.toUpperCase(),
      );
    fill(this.#languages, ...words.languages().map(button));
    fill(
      this.legend,
      h("summary", {}, words.say("legend")),
      h(
        "ul",
        {},
        ...FAMILIES.map((family) => h("li", {}, signElement(family, "#c9d6ee", true), words.say(`family_${family}`))),
        ...SEVERITIES.map((severity) =>
          h(
            "li",
            {},
            h("span", { class: "dot", style: `background:${SEVERITY_COLOUR[severity]}` }),
            words.say(severity),
          ),
        ),
        ...(["lit", "dark", "off", "silent", "unmetered"] as const).map((state) =>
          h("li", {}, h("span", { class: `bulb ${state}` }), words.say(state)),
        ),
      ),
      h("p", {}, words.say("legend_full")),
    );
  }

  /** Name the city, and tell its time. */
  showTime(cityName: string, clock: CityClock): void {
    const { locale } = this.#words;
    const nowMs = clock.nowMs();
    document.title = `${cityName} · Terang`;
    fill(this.#name, cityName);
    fill(
      this.#clock,
      h("b", {}, clock.time(nowMs, locale)),
      " ",
      clock.zone(),
      h("span", { class: "day" }, clock.day(nowMs, locale)),
    );
  }

  /** Say who is signed in; nothing where the city has no accounts. */
  showAccount(name: string | null): void {
    this.#account.hidden = name === null;
    if (name !== null) fill(this.#account, this.#words.say("signed_in_as", { name }));
  }

  /** Say how the page is connected; `text` empty = all is well. */
  showLink(text: string, isLost: boolean): void {
    this.#link.className = isLost ? "link lost" : "link";
    fill(this.#link, h("span", { class: "dot" }), h("span", {}, text || this.#words.say("live")));
    document.body.classList.toggle("is-lost", isLost);
  }

  /** Tell those who cannot see the map what has just happened. */
  announce(text: string): void {
    fill(this.#herald, text);
  }
}

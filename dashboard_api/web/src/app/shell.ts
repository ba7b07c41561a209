/** The elements that stand as long as the page does: bar, overview, map, panel, legend. */

import type { Words } from "../words/words";

export interface Shell {
  bar: HTMLElement;
  over: HTMLElement;
  map: HTMLElement;
  panel: HTMLElement;
  handle: HTMLElement;
  content: HTMLElement;
  legend: HTMLElement;
  /** Tells those who cannot see the map what has just happened. */
  herald: HTMLElement;
  /** Name the parts in the reader's language. */
  say: (words: Words) => void;
  noMap: (text: string) => void;
}

function made(tag: string, attributes: Record<string, string>): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export function shell(body: HTMLElement): Shell {
  const skip = made("a", { class: "skip", href: "#content" });
  const bar = made("header", { id: "bar" });
  const over = made("section", { id: "overview", class: "summary" });
  const map = made("div", { id: "map", role: "region" });
  const panel = made("main", { id: "panel" });
  const handle = made("button", { class: "handle", type: "button" });
  const content = made("div", { id: "content", tabindex: "-1" });
  const legend = made("aside", { id: "legend" });
  const herald = made("p", { class: "unseen", "aria-live": "polite" });
  handle.append(made("span", {}));
  panel.append(handle, content, herald);
  body.replaceChildren(skip, bar, over, map, panel, legend);
  return {
    bar,
    over,
    map,
    panel,
    handle,
    content,
    legend,
    herald,
    say: (words) => {
      skip.textContent = words.say("skip");
      over.setAttribute("aria-label", words.say("overview"));
      map.setAttribute("aria-label", words.say("map_label"));
      handle.setAttribute("aria-label", words.say("grow_sheet"));
      legend.setAttribute("aria-label", words.say("legend"));
    },
    noMap: (text) => {
      const said = made("p", { class: "no-map" });
      said.textContent = text;
      map.append(said);
    },
  };
}

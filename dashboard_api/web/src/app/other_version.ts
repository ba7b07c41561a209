/** Says once that the server is of another version than this page, so that what is missing is no riddle. */

import { html, render } from "lit-html";
import { OTHER_VERSION } from "../city/whole";
import type { Words } from "../words/words";

/** From now on; the line stands at the foot of the panel until the reader takes it away. */
export function sayOtherVersion(panel: HTMLElement, words: Words): void {
  const place = document.createElement("div");
  place.className = "version";
  place.setAttribute("role", "status");
  panel.append(place);
  const draw = () => {
    render(
      html`${words.say("other_version")}
        <button
          type="button"
          @click=${() => {
            place.remove();
          }}
        >
          ${words.say("understood")}
        </button>`,
      place,
    );
  };
  window.addEventListener(
    OTHER_VERSION,
    () => {
      draw();
      words.onChange(draw);
    },
    { once: true },
  );
}

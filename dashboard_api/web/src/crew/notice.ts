/** A line at the foot of the page that says something for a few seconds. */

import { OTHER_VERSION } from "../city/whole";
import type { Crew } from "./crew";

const SHOWN_MS = 5_000;

export class Notice {
  readonly element = document.createElement("p");
  #timer = 0;

  constructor() {
    this.element.className = "told";
    this.element.setAttribute("role", "status");
  }

  tell(text: string): void {
    this.element.textContent = text;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.element.textContent = "";
    }, SHOWN_MS);
  }
}

/** Say once that the server is of another version than this page. */
export function tellOtherVersion(crew: Crew): void {
  const tell = () => {
    crew.tell(crew.words.say("crew.other_version"));
  };
  window.addEventListener(OTHER_VERSION, tell, { once: true });
}

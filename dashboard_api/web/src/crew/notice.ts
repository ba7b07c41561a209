/** A line at the foot of the page that says something for a few seconds. */

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

/**
 * Where the keyboard is when the page draws something else: on the view that was opened, back on the row that it was
 * opened from, and on the control that opened a form when the form goes. Nothing of this moves a finger's page.
 */

export class Focus {
  readonly #main: HTMLElement;
  /** The button with a `data-do` that was used last. */
  #opener = "";
  #wanted: "" | "view" | "row" = "";
  #row = "";

  /** `main` is what is drawn anew; it becomes the last resort of a focus whose element is gone. */
  constructor(main: HTMLElement) {
    this.#main = main;
    main.tabIndex = -1;
    main.addEventListener("click", (event) => {
      const used = (event.target as Element).closest<HTMLElement>("[data-do]");
      if (used) this.#opener = `[data-do="${CSS.escape(used.dataset.do ?? "")}"]`;
    });
  }

  /** Another view is opened, over the one before or in its place; `fault` = the one that was shown until now. */
  moved(isOver: boolean, fault: string): void {
    const isElsewhere = document.activeElement !== null && document.activeElement.closest("nav") !== null;
    this.#opener = "";
    this.#wanted = isElsewhere ? "" : isOver ? "view" : "row"; // a tab keeps the focus
    this.#row = isOver ? "" : fault;
  }

  /** Draw, and put the focus where it belongs then. */
  around(draw: () => void): void {
    const main = this.#main;
    const before = document.activeElement;
    const wasInside = before !== null && before !== main && main.contains(before);
    draw();
    const isGone = wasInside && !main.contains(before);
    if (this.#wanted === "" && !isGone) return;
    const target = this.#target();
    if (!target) return;
    target.focus({ preventScroll: true });
    if (document.activeElement === target) this.#wanted = "";
  }

  #target(): HTMLElement | null {
    const main = this.#main;
    if (this.#wanted === "row") {
      const row = this.#row === "" ? null : main.querySelector<HTMLElement>(`a[data-fault="${CSS.escape(this.#row)}"]`);
      return row ?? main;
    }
    const opener = this.#opener === "" ? null : main.querySelector<HTMLElement>(this.#opener);
    return opener ?? main.querySelector<HTMLElement>(":scope > [tabindex='-1']") ?? main;
  }
}

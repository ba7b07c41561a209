/**
 * A list of rows of known heights of which only those in sight are elements. While it scrolls nothing else of the page
 * is drawn, and a row that stays in sight is not drawn anew. Knows nothing of faults.
 */

import { html, render, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";

const SPARE_PX = 400; // drawn above and below what is in sight
const LEAST_PX = 300; // of it; below that more is drawn: a row or two with each frame, not several with every third

export interface RowKind<Item> {
  /** Stays the same for the same row of a later list. */
  keyOf: (item: Item) => string;
  /** Height in units of the document's letters, as the styles have it. */
  remOf: (item: Item) => number;
  classOf: (item: Item) => string;
  template: (item: Item) => unknown;
}

export class RowWindow<Item> {
  readonly element = document.createElement("ol");
  readonly #scroller: HTMLElement;
  readonly #kind: RowKind<Item>;
  #items: readonly Item[] = [];
  #tops = new Float64Array(1); // of each item, and the height of all
  #rem = 0;
  #shown: readonly [number, number] = [0, 0];
  #offset: number | null = null;

  /** `scroller` is what scrolls the element, and its offset parent. */
  constructor(scroller: HTMLElement, kind: RowKind<Item>) {
    this.#scroller = scroller;
    this.#kind = kind;
    this.element.className = "rows window";
    const follow = (): void => {
      if (this.element.isConnected) this.#follow();
    };
    scroller.addEventListener("scroll", follow, { passive: true });
    window.addEventListener("resize", () => {
      this.#offset = null;
      follow();
    });
  }

  /** Take a list, and draw what of it is in sight; the element is to be put into the scroller. */
  show(items: readonly Item[]): HTMLElement {
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    if (items !== this.#items || rem !== this.#rem) this.#measure(items, rem);
    this.#offset = null; // what stands above the list may have changed
    this.#draw(this.#inSight(SPARE_PX));
    return this.element;
  }

  #measure(items: readonly Item[], rem: number): void {
    this.#items = items;
    this.#rem = rem;
    this.#tops = new Float64Array(items.length + 1);
    items.forEach((item, row) => {
      this.#tops[row + 1] = (this.#tops[row] ?? 0) + this.#kind.remOf(item) * rem;
    });
    this.element.style.height = `${this.#tops[items.length] ?? 0}px`;
  }

  /** The rows within `spare` of what is in sight, from the first to before the second. */
  #inSight(spare: number): [number, number] {
    // before it is in the document the list is taken to begin at the scroller's top
    this.#offset ??= this.element.isConnected ? this.element.offsetTop : null;
    const top = this.#scroller.scrollTop - (this.#offset ?? 0);
    const last = this.#items.length;
    const from = Math.max(0, this.#rowAt(top - spare));
    return [from, Math.min(last, this.#rowAt(top + this.#scroller.clientHeight + spare) + 1)];
  }

  /** The last row that begins at or above a height; -1 above the first. */
  #rowAt(height: number): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#tops[middle] ?? 0) <= height) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #follow(): void {
    const [from, to] = this.#inSight(LEAST_PX);
    const [first, last] = this.#shown;
    if (from < first || to > last) this.#draw(this.#inSight(SPARE_PX));
  }

  #draw([from, to]: [number, number]): void {
    this.#shown = [from, to];
    const { keyOf } = this.#kind;
    const row = (item: Item, nth: number) => this.#row(item, from + nth);
    render(html`${repeat(this.#items.slice(from, to), keyOf, row)}`, this.element);
  }

  #row(item: Item, nth: number): TemplateResult {
    const { classOf, template } = this.#kind;
    return html`<li class=${classOf(item)} style=${`top:${this.#tops[nth] ?? 0}px`}>${template(item)}</li>`;
  }
}

/**
 * A list of rows of known heights of which only those in sight are elements. While it scrolls nothing else of the page
 * is drawn, a row that stays in sight is not drawn anew, and the element of one that leaves it shows one that comes:
 * that costs two thirds of a new element. Elements come into the rows' order once the list is at rest, a few at a time,
 * because to move one costs as much as to make it. The row that has the focus stays. Knows nothing of faults.
 */

import { render } from "lit-html";
import { longestRise } from "./longest_rise";

const SPARE_PX = 400; // drawn above and below what is in sight
const LEAST_PX = 350; // of it; below that more is drawn: a row or two with each frame, not several with every third
const REST_MS = 150; // without a row that comes into sight: the list is at rest
const MOST_MOVED = 3; // elements at a time, while nobody waits for their order
const MOVE_MS = 20; // between two times
const MOST_SPARE = 8; // elements that show nothing just now

export interface RowKind<Item> {
  /** Stays the same for the same row of a later list. */
  keyOf: (item: Item) => string;
  /** Height in units of the document's letters, as the styles have it. */
  remOf: (item: Item) => number;
  classOf: (item: Item) => string;
  template: (item: Item) => unknown;
}

interface Row<Item> {
  readonly element: HTMLElement;
  readonly item: Item;
}

export class RowWindow<Item> {
  readonly element = document.createElement("ol");
  readonly #scroller: HTMLElement;
  readonly #kind: RowKind<Item>;
  #items: readonly Item[] = [];
  #tops = new Float64Array(1); // of each item, and the height of all
  #rem = 0;
  #shown: readonly [number, number] = [0, 0];
  /** What is drawn, by key. */
  #rows = new Map<string, Row<Item>>();
  #spare: HTMLElement[] = [];
  #rest = 0;
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
    window.addEventListener("keydown", ({ key }) => {
      if (key === "Tab" && this.element.isConnected) this.#order(Infinity); // the next row is the one below
    });
  }

  /** Take a list, and draw what of it is in sight; the element is to be put into the scroller. */
  show(items: readonly Item[]): HTMLElement {
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    if (items !== this.#items || rem !== this.#rem) this.#measure(items, rem);
    this.#offset = null; // what stands above the list may have changed
    this.#draw(this.#inSight(SPARE_PX), false);
    this.#order(MOST_MOVED);
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
    if (from >= first && to <= last) return;
    this.#draw(this.#inSight(SPARE_PX), true);
    this.#orderAfter(REST_MS);
  }

  /** Draw the rows of a range; `isScroll`: those that are drawn already are as they should be. */
  #draw([from, to]: readonly [number, number], isScroll: boolean): void {
    this.#shown = [from, to];
    const wanted = this.#wanted(from, to);
    for (const [key, { element }] of this.#rows) {
      if (wanted.has(key)) continue;
      if (element.contains(document.activeElement))
        element.remove(); // or the focus would be on another row
      else this.#spare.push(element);
    }
    const rows = new Map<string, Row<Item>>();
    for (const [key, nth] of wanted) {
      const item = this.#items[nth];
      if (item === undefined) continue;
      const before = this.#rows.get(key);
      const isDrawn = isScroll && before?.item === item;
      rows.set(key, isDrawn ? before : { element: this.#drawRow(item, nth, before?.element), item });
    }
    this.#rows = rows;
    for (const element of this.#spare) {
      element.remove();
    }
    this.#spare.length = Math.min(this.#spare.length, MOST_SPARE);
  }

  /** The places of the rows to be drawn by their keys, in their order; one that has the focus is among them. */
  #wanted(from: number, to: number): Map<string, number> {
    const { keyOf } = this.#kind;
    const wanted = new Map<string, number>();
    for (let nth = from; nth < to; nth += 1) {
      const item = this.#items[nth];
      if (item !== undefined) wanted.set(keyOf(item), nth);
    }
    const focused = this.#focused();
    if (focused === null || wanted.has(focused)) return wanted;
    const nth = this.#items.findIndex((item) => keyOf(item) === focused);
    if (nth < 0) return wanted;
    return nth < from ? new Map([[focused, nth], ...wanted]) : wanted.set(focused, nth);
  }

  /** The key of the row that has the focus. */
  #focused(): string | null {
    const active = document.activeElement;
    if (active === null || !this.element.contains(active)) return null;
    for (const [key, { element }] of this.#rows) if (element.contains(active)) return key;
    return null;
  }

  /** Have an element show a row: its own, one that is spare, or a new one. */
  #drawRow(item: Item, nth: number, own: HTMLElement | undefined): HTMLElement {
    const name = this.#kind.classOf(item);
    const element = own ?? this.#takeSpare(name) ?? document.createElement("li");
    if (element.className !== name) element.className = name;
    const top = `${this.#tops[nth] ?? 0}px`;
    if (element.style.top !== top) element.style.top = top;
    render(this.#kind.template(item), element);
    if (element.parentNode !== this.element) this.element.append(element);
    return element;
  }

  /** An element that shows nothing, of the same kind: another kind's would be drawn as if it were new. */
  #takeSpare(name: string): HTMLElement | undefined {
    const last = this.#spare.findLastIndex(({ className }) => className === name);
    return last < 0 ? undefined : this.#spare.splice(last, 1)[0];
  }

  #orderAfter(ms: number): void {
    window.clearTimeout(this.#rest);
    this.#rest = window.setTimeout(() => {
      this.#order(MOST_MOVED);
    }, ms);
  }

  /** Move up to so many elements to where their rows are, and the others later. */
  #order(most: number): void {
    const elements = [...this.#rows.values()].map(({ element }) => element);
    const places = new Map([...this.element.children].map((element, place) => [element, place]));
    const focused = elements.findIndex((element) => element.contains(document.activeElement));
    const stays = longestRise(
      elements.map((element) => places.get(element) ?? 0),
      focused,
    );
    let [n, next]: [number, HTMLElement | null] = [0, null];
    for (const [nth, element] of [...elements.entries()].reverse()) {
      if (!stays.has(nth)) {
        if (n >= most) continue;
        this.element.insertBefore(element, next);
        n += 1;
      }
      next = element;
    }
    if (stays.size + n < elements.length) this.#orderAfter(MOVE_MS);
  }
}

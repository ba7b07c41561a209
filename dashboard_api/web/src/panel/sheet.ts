/** On a phone the list is a sheet over the map: a peek, half, or all of the screen. On a wide screen it stands beside the map. */

export type SheetSize = "peek" | "half" | "full";

const NEXT: Record<SheetSize, SheetSize> = { peek: "half", half: "full", full: "peek" };
const DRAG_PX = 40;

export class Sheet {
  readonly #panel: HTMLElement;
  readonly #onResize: () => void;
  #size: SheetSize = "half";

  constructor(panel: HTMLElement, handle: HTMLElement, onResize: () => void) {
    this.#panel = panel;
    this.#onResize = onResize;
    handle.addEventListener("click", () => {
      this.set(NEXT[this.#size]);
    });
    this.#followFinger(handle);
    panel.dataset.sheet = this.#size;
  }

  set(size: SheetSize): void {
    this.#size = size;
    this.#panel.dataset.sheet = size;
    this.#onResize();
  }

  /** Height in CSS pixels that the sheet takes from the map; 0 where it stands beside it. */
  get coveredPx(): number {
    if (!isNarrow()) return 0;
    return { peek: 0.16, half: 0.55, full: 0.55 }[this.#size] * window.innerHeight;
  }

  #followFinger(handle: HTMLElement): void {
    let startY: number | null = null;
    handle.addEventListener("pointerdown", (event) => {
      startY = event.clientY;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointerup", (event) => {
      const moved = startY === null ? 0 : event.clientY - startY;
      startY = null;
      if (Math.abs(moved) < DRAG_PX) return; // a tap: the click follows
      const order: SheetSize[] = ["peek", "half", "full"];
      const wanted = order.indexOf(this.#size) + (moved < 0 ? 1 : -1);
      const size = order[Math.max(0, Math.min(order.length - 1, wanted))] ?? "half";
      handle.addEventListener(
        "click",
        (click) => {
          click.stopImmediatePropagation();
        },
        { once: true, capture: true },
      );
      this.set(size);
    });
  }
}

export function isNarrow(): boolean {
  return window.matchMedia("(max-width: 56em)").matches;
}

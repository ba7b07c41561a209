/** How large a figure may be written so that it fits its place: a figure that is cut says another number. Pure. */

const DIGIT_EM = 0.64; // of Inter's bold digits, which are all as wide
const NARROW_EM = 0.3;
const NARROW = /[.,\s\u00a0\u202f’']/;

/** The width of a figure in parts of its letters' size. */
export function widthOf(text: string): number {
  return text.split("").reduce((sum, sign) => sum + (NARROW.test(sign) ? NARROW_EM : DIGIT_EM), 0);
}

/**
 * A style that gives all of `texts` one size, `largest` where they fit.
 *
 * `width`, `largest`: in hundredths of the screen's height.
 */
export function fitting(texts: readonly string[], width: number, largest: number): string {
  const widest = Math.max(...texts.map(widthOf), NARROW_EM);
  return `--size: ${Math.min(largest, width / widest).toFixed(2)}`;
}

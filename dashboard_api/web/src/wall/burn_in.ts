/** Moves what stands still on the screen by a little, slowly, so that nothing burns in. */

const EVERY_MS = 120_000;
const REACH_U = 0.7; // in hundredths of the screen's height

/** Where the board stands at step `n`, in hundredths of the screen's height: a curve that closes after 3 hours. */
export function shiftAt(n: number): [number, number] {
  const turn = (2 * Math.PI * n) / 90;
  return [REACH_U * Math.sin(4 * turn), REACH_U * Math.sin(5 * turn)];
}

/** Keep moving `board`. */
export function moveSlowly(board: HTMLElement): void {
  let n = 0;
  window.setInterval(() => {
    n = (n + 1) % 90;
    const [x, y] = shiftAt(n);
    board.style.transform = `translate(calc(var(--u) * ${x.toFixed(2)}), calc(var(--u) * ${y.toFixed(2)}))`;
  }, EVERY_MS);
}

/**
 * When the page asks the server anew, and says the ages that have passed: while it is seen, and when it is seen again;
 * and when it says that the network is gone.
 */

const REFRESH_MS = 60_000;
const AGES_MS = 20_000;

export function keepFresh(refresh: () => void, redraw: () => void, lose: () => void): void {
  const seen = (work: () => void) => () => {
    if (!document.hidden) work();
  };
  window.setInterval(seen(refresh), REFRESH_MS);
  window.setInterval(seen(redraw), AGES_MS);
  window.addEventListener("online", refresh);
  window.addEventListener("offline", lose);
  document.addEventListener("visibilitychange", seen(refresh));
}

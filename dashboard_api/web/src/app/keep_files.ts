/** Keeps the page's files for the next time, once they no longer compete with what is looked at. */

export function keepFiles(): void {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  void navigator.serviceWorker.register("/service-worker.js").catch(() => undefined);
}

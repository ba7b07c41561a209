/**
 * Keeps the wall's page on the device. Its document is taken from the network where that answers within seconds, else the
 * kept one is: it waits for the server by itself, which a browser's error page does ever more rarely.
 */

import { cleanupOutdatedCaches, matchPrecache, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";

declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: PrecacheEntry[];

const PATIENCE_MS = 4_000;
const PLAIN = ["/api/*", "/tiles/*"]; // never by way of this worker

/** Of an install event, where the browser has it. */
interface Routes {
  addRoutes?(routes: readonly { condition: { urlPattern: string }; source: "network" }[]): Promise<void>;
}

async function wallDocument(request: Request): Promise<Response> {
  let answer: Response | null = null;
  try {
    answer = await fetch(request.url, {
      cache: "no-cache",
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status < 500) return answer;
  } catch {
    // no network, or too slow a one
  }
  return (await matchPrecache("/wall.html")) ?? answer ?? Response.error();
}

cleanupOutdatedCaches();
precacheAndRoute(__SHELL__);

self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate" && new URL(event.request.url).pathname === "/live")
    event.respondWith(wallDocument(event.request));
});
self.addEventListener("install", (event) => {
  const routes = PLAIN.map((urlPattern) => ({ condition: { urlPattern }, source: "network" as const }));
  void (event as unknown as Routes).addRoutes?.(routes).catch(() => undefined);
  void self.skipWaiting();
});
self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

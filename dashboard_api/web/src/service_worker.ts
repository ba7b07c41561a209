/** Keeps the page's own files on the device, so that it opens with no network; what the city reports is kept elsewhere. */

import { cleanupOutdatedCaches, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";

declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: PrecacheEntry[];

cleanupOutdatedCaches();
precacheAndRoute(__SHELL__, {
  ignoreURLParametersMatching: [/.*/], // "/?fault=…" is the page as well
  urlManipulation: ({ url }) =>
    /^\/(lamp\/|cabinet\/|controllers$)/.test(url.pathname) ? [new URL("/index.html", url)] : [],
});

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

/**
 * The crew's page with no network: its own files, nothing of the map. What the city reports is kept by the page, in
 * IndexedDB. Where the browser can wake it, it also sends the outbox when the network comes back.
 */

import { cleanupOutdatedCaches, precacheAndRoute, type PrecacheEntry } from "workbox-precaching";
import { openCrewDatabase } from "./crew/database";
import { deviceClock } from "./crew/device_clock";
import { Outbox, SYNC_TAG } from "./crew/outbox";
import { server } from "./crew/server";
import { changesChannel } from "./crew/shared_outbox";

declare const self: ServiceWorkerGlobalScope;
declare const __SHELL__: PrecacheEntry[];

const DECODER = "terang-crew-decoder";
const ASK_MS = 15_000;

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

cleanupOutdatedCaches();
precacheAndRoute(__SHELL__, {
  ignoreURLParametersMatching: [/.*/], // "/crew?view=tour" is the page as well
  urlManipulation: ({ url }) => (url.pathname === "/crew" ? [new URL("/crew.html", url)] : []),
});

/** The decoder of labels is large: it comes when somebody scans for the first time, and stays. */
async function decoder(request: Request): Promise<Response> {
  const cache = await caches.open(DECODER);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    for (const old of await cache.keys()) await cache.delete(old);
    await cache.put(request, answer.clone()).catch(() => undefined); // a full disk: it comes again the next time
  }
  return answer;
}

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (origin === self.location.origin && pathname.endsWith(".wasm")) event.respondWith(decoder(event.request));
});

function ask(path: string): Promise<Response> {
  return fetch(path, { redirect: "error", signal: AbortSignal.timeout(ASK_MS) });
}

/** The city's clock, by which reports are dated: this phone's may have been set since. */
async function cityClock(): Promise<() => number | null> {
  const answer = await ask("/api/v1/city");
  const { now } = (await answer.json()) as { now?: string };
  const aheadMs = Date.parse(now ?? "") - Date.now();
  return () => (Number.isNaN(aheadMs) ? null : Date.now() + aheadMs);
}

async function sendOutbox(): Promise<void> {
  const database = await openCrewDatabase();
  const pages = changesChannel();
  try {
    const cityNowMs = await cityClock();
    const outbox = new Outbox(database, server, deviceClock(cityNowMs), (fault) => pages?.postMessage(fault));
    const isAllGone = await outbox.send();
    if (!isAllGone) throw new Error("something still waits"); // the browser then tries again later
  } finally {
    pages?.close();
    database.close();
  }
}

self.addEventListener("sync" as keyof ServiceWorkerGlobalScopeEventMap, (event) => {
  const sync = event as unknown as SyncEvent;
  if (sync.tag === SYNC_TAG) sync.waitUntil(sendOutbox());
});

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

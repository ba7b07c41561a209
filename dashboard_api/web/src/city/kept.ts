/**
 * The last answers the page has seen, kept on the device: they show with their age when the network is gone.
 * Where the browser has no cache for this origin (plain HTTP on a local network), the page simply works without.
 */

const CACHE = "terang-answers-1";
const KEPT_AT = "x-kept-at";

export interface Kept<T> {
  value: T;
  keptAtMs: number;
  /** Whether it comes from the device and not from the server. */
  isOld: boolean;
}

async function open(): Promise<Cache | null> {
  return "caches" in globalThis ? caches.open(CACHE).catch(() => null) : null;
}

/** Keep the body that `path` answered at `atMs`. */
export async function keep(path: string, body: string, atMs: number): Promise<void> {
  const cache = await open();
  const headers = { "content-type": "application/json", [KEPT_AT]: String(atMs) };
  await cache?.put(path, new Response(body, { headers })).catch(() => undefined); // a full disk is no reason to stop
}

/** The last answer of `path`, or null. */
export async function recall<T>(path: string): Promise<Kept<T> | null> {
  const cache = await open();
  const answer = await cache?.match(path);
  if (!answer) return null;
  return { value: (await answer.json()) as T, keptAtMs: Number(answer.headers.get(KEPT_AT)), isOld: true };
}

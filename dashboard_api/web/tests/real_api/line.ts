/**
 * A phone's network: the page's own requests, by a proxy that fails as each request says. Replaces the global `fetch`
 * and `AbortSignal.timeout`, so that the page's own transport runs unchanged.
 */

const FASTER = 40; // waits of the page, so many times shorter

export type Chance = () => number;

/** Deterministic numbers in [0, 1) (mulberry32). */
export function random(seed: number): Chance {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Line {
  /** The proxy's address, without a path. */
  address: string;
  chance: Chance;
  /** Share of requests that fail, 0 to 1. */
  badness: number;
  cookie: string;
  /** How often the API may still be killed by this line. */
  nKills: number;
}

const QUICK = ["refuse", "half", "500", "502", "drop", "cut", "portal", "empty", "redirect"] as const;
const SLOW = ["silent", "late"] as const; // each costs the phone's patience
const SLOW_SHARE = 0.06;

function faultOf(line: Line): string {
  if (line.chance() >= line.badness) return "";
  if (line.nKills > 0 && line.chance() < 0.1) {
    line.nKills -= 1;
    return `kill:${Math.floor(line.chance() * 30)}`;
  }
  const kinds = line.chance() < SLOW_SHARE ? SLOW : QUICK;
  const fault = kinds[Math.floor(line.chance() * kinds.length)] ?? "refuse";
  return fault === "late" ? `late:${Math.floor(line.chance() * 1_200)}` : fault; // the phone gives up after half a second
}

let current: Line | null = null;

/** All requests to a path go over this line from now on. */
export function useLine(line: Line): void {
  current = line;
}

const plainFetch = globalThis.fetch;
const plainTimeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => plainTimeout(Math.round(ms / FASTER));

globalThis.fetch = (input, init) => {
  if (!current || typeof input !== "string" || !input.startsWith("/")) return plainFetch(input, init);
  const headers = new Headers(init?.headers);
  if (current.cookie) headers.set("cookie", current.cookie);
  const fault = faultOf(current);
  if (fault) headers.set("x-line-fault", fault);
  return plainFetch(current.address + input, { ...init, headers });
};

/** Sign in over a line that works, and keep the session's cookie. Rejects where the API does not answer. */
export async function signIn(line: Line, api: string, name: string, password: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ name, password });
  const answer = await plainFetch(`${api}/api/v1/session`, { method: "POST", headers, body });
  if (answer.status !== 201) throw new Error(`sign-in: ${answer.status} ${await answer.text()}`);
  line.cookie = answer.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
}

/** End the session of a line, as another device of the same person can. */
export async function signOut(line: Line, api: string): Promise<void> {
  await plainFetch(`${api}/api/v1/session`, { method: "DELETE", headers: { cookie: line.cookie } });
}

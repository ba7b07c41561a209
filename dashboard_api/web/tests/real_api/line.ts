/**
 * A phone's network: the page's own requests, by a proxy that fails as each request says. Replaces the global `fetch`,
 * so that the page's own transport runs unchanged. Where no answer will come the request is given up as soon as the
 * proxy says that it has come to that: the page's own patience of many seconds is not waited for.
 */

export type Chance = () => number;

export interface Line {
  /** The proxy's address, without a path. */
  address: string;
  chance: Chance;
  /** Share of requests that fail, 0 to 1. */
  badness: number;
  /** Share of requests that are given up while the API is at work on them. */
  haste: number;
  cookie: string;
  /** How often the API may still be killed by this line. */
  nKills: number;
}

const QUICK = ["refuse", "half", "500", "502", "drop", "cut", "portal", "empty", "redirect"] as const;
const SLOW = ["silent", "hasty", "late"] as const; // the phone gives up
const SLOW_SHARE = 0.15;

function faultOf(line: Line): string {
  const hasty = () => `hasty:${Math.floor(line.chance() * 30)}`;
  if (line.chance() < line.haste) return hasty();
  if (line.chance() >= line.badness) return "";
  if (line.nKills > 0 && line.chance() < 0.1) {
    line.nKills -= 1;
    return `kill:${Math.floor(line.chance() * 30)}`;
  }
  const kinds = line.chance() < SLOW_SHARE ? SLOW : QUICK;
  const fault = kinds[Math.floor(line.chance() * kinds.length)] ?? "refuse";
  if (fault === "late") return `late:${Math.floor(line.chance() * 200)}`; // several later requests overtake it
  return fault === "hasty" ? hasty() : fault;
}

let current: Line | null = null;

/** All requests to a path go over this line from now on. */
export function useLine(line: Line): void {
  current = line;
}

const plainFetch = globalThis.fetch;
const plainTimeout = AbortSignal.timeout.bind(AbortSignal);
AbortSignal.timeout = (ms) => plainTimeout(Math.trunc(ms)); // as browsers do; Node refuses a fraction
let nGivenUp = 0;

globalThis.fetch = async (input, init) => {
  if (!current || typeof input !== "string" || !input.startsWith("/")) return plainFetch(input, init);
  const { address, cookie } = current;
  const headers = new Headers(init?.headers);
  if (cookie) headers.set("cookie", cookie);
  headers.set("x-line-begun", String(Date.now()));
  const fault = faultOf(current);
  if (fault) headers.set("x-line-fault", fault);
  if (!SLOW.some((kind) => fault.startsWith(kind))) return plainFetch(address + input, { ...init, headers });
  const name = String((nGivenUp += 1));
  headers.set("x-line-id", name);
  const patience = new AbortController();
  const signal = init?.signal ? AbortSignal.any([init.signal, patience.signal]) : patience.signal;
  const answer = plainFetch(address + input, { ...init, headers, signal });
  void plainFetch(`${address}/patience`, { headers: { "x-line-id": name } }).finally(() => {
    patience.abort(new DOMException("The operation timed out.", "TimeoutError"));
  });
  return answer;
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

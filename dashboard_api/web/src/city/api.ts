/** Asks the API, on the origin the page came from. Knows problem documents and the kept answers; knows no element. */

import { keep, recall, type Kept } from "./kept";

export const API = "/api/v1";

/** The server answered, and said no; title and detail are its own words (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly document: Record<string, unknown>,
  ) {
    super(detail ? `${title}: ${detail}` : title);
  }
}

/** No answer at all: the network or the server is gone. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

function word(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text();
  let document: Record<string, unknown> = {};
  try {
    document = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // a proxy's page is no problem document: its status has to do
  }
  const title = word(document.title, `HTTP ${answer.status}`);
  return new Problem(answer.status, title, word(document.detail, ""), document);
}

const OPENED_AT = location.pathname + location.search; // the page drops what it does not show before it has an answer

/** Nobody is signed in, or no longer: the sign-in page leads back to what was shown or asked for. */
function toSignIn(): void {
  const here = location.search ? location.pathname + location.search : OPENED_AT;
  location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

async function ask(
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string },
): Promise<Response> {
  let answer: Response;
  try {
    // problems are told in the language that the page is read in
    const headers = { "accept-language": document.documentElement.lang, ...init.headers };
    answer = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(20_000) });
  } catch (error) {
    throw new Unreachable(path, { cause: error });
  }
  if (answer.status >= 502 && answer.status <= 504) throw new Unreachable(path); // a proxy speaks for a server that is gone
  if (answer.status === 401) toSignIn();
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

/** GET a JSON answer; raises Problem or Unreachable. */
export async function get<T>(path: string): Promise<T> {
  return (await (await ask(API + path, {})).json()) as T;
}

/** GET an answer and keep it; with no network the kept one, with the time it is from. */
export async function getKept<T>(path: string): Promise<Kept<T>> {
  try {
    const body = await (await ask(API + path, {})).text();
    const now = Date.now();
    await keep(API + path, body, now);
    return { value: JSON.parse(body) as T, keptAtMs: now, isOld: false };
  } catch (error) {
    const kept = error instanceof Unreachable ? await recall<T>(API + path) : null;
    if (kept) return kept;
    throw error;
  }
}

/** POST JSON; raises Problem or Unreachable. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await (await ask(API + path, init)).json()) as T;
}

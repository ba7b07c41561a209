/** Asks the API, on the origin the page came from. Knows problem documents and the kept answers; knows no element. */

import { keep, recall, type Kept } from "./kept";
import { whole } from "./whole";

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

function problemOf(status: number, text: string): Problem {
  let document: Record<string, unknown> = {};
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null) document = read as Record<string, unknown>;
  } catch {
    // a proxy's page is no problem document: its status has to do
  }
  const title = word(document.title, `HTTP ${status}`);
  return new Problem(status, title, word(document.detail, ""), document);
}

const TIMEOUT_MS = 12_000;

interface Answer {
  status: number;
  text: string;
}

/** Nobody is signed in, or no longer: the sign-in page leads back to what is shown. */
function toSignIn(): void {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** Ask, and read the whole body: a body that stalls or breaks off is as good as none. */
async function ask(
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string },
  timeoutMs = TIMEOUT_MS,
): Promise<Answer> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    text = await answer.text();
  } catch (error) {
    throw new Unreachable(path, { cause: error });
  }
  if (answer.status >= 500) throw new Unreachable(path); // a server that fails, or a proxy for one that is gone
  if (answer.status === 401) toSignIn();
  if (!answer.ok) throw problemOf(answer.status, text);
  return { status: answer.status, text };
}

// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller names what the path answers
function parsed<T>(path: string, text: string): T {
  let value: unknown;
  try {
    value = whole(path, JSON.parse(text));
  } catch (error) {
    throw new Unreachable(path, { cause: error }); // half a body, or a page of some other server
  }
  if (value === null) throw new Unreachable(path);
  return value as T;
}

/** Problems are told in the language that the page is read in. */
function language(): Record<string, string> {
  return { "accept-language": document.documentElement.lang };
}

/** GET a JSON answer; raises Problem or Unreachable. */
export async function get<T>(path: string, timeoutMs = TIMEOUT_MS): Promise<T> {
  const { text } = await ask(API + path, { headers: language() }, timeoutMs);
  return parsed<T>(path, text);
}

/**
 * GET an answer and keep it; with no network the kept one, with the time it is from. Sends no header of its own, so
 * that what the document preloads is taken.
 */
export async function getKept<T>(path: string): Promise<Kept<T>> {
  try {
    const { text } = await ask(API + path, {});
    const value = parsed<T>(path, text);
    const now = Date.now();
    void keep(API + path, text, now);
    return { value, keptAtMs: now, isOld: false };
  } catch (error) {
    const kept = error instanceof Unreachable ? await recall<unknown>(API + path) : null;
    const value = kept && whole(path, kept.value); // another build may have kept it
    if (kept && value !== null) return { ...kept, value: value as T };
    throw error;
  }
}

/** POST JSON; raises Problem or Unreachable. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { "content-type": "application/json", ...language() };
  const { text } = await ask(API + path, { method: "POST", headers, body: JSON.stringify(body) });
  return parsed<T>(path, text);
}

/** What a view says of an error of these; anything else is a bug and is thrown again. */
export function isExpected(error: unknown): error is Problem | Unreachable {
  if (error instanceof Problem || error instanceof Unreachable) return true;
  throw error;
}

/** Asks the server for the crew's page, and sends its reports. Only the server's own words count, never a proxy's. */

import type { ActionRequest, CheckOutcome, Fault, Me } from "../city/types";
import { whole } from "../city/whole";
import type { Known, Later, Outcome, Transport } from "./transport";

const API = "/api/v1";
const ASK_MS = 15_000;
const ACT_MS = 20_000;
const PHOTO_MS = 30_000;
const SLOWEST_BYTES_PER_MS = 10; // 10 kB/s: GPRS
const LONGEST_REASON = 300;
const TOO_OFTEN = 429;

/** Why there is no answer: no network, a server that fails, nobody signed in, or a refusal. */
export type Trouble = "offline" | "server" | "busy" | "sign_in" | "refused" | "missing";

export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  constructor(
    readonly why: Trouble,
    message = "",
  ) {
    super(message);
  }
}

type Document = Record<string, unknown>;

function documentOf(text: string): Document | null {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null && !Array.isArray(read) ? (read as Document) : null;
  } catch {
    return null;
  }
}

function isFault(value: unknown): value is Fault {
  return typeof value === "object" && value !== null && "version" in value && "state" in value && "id" in value;
}

function wholeFault(fault: Fault): Fault {
  return whole(`/faults/${fault.id}/actions`, fault) as Fault;
}

/** What the server says against a request, in its words. */
function reasonOf(document: Document): string {
  const said = [document.detail, document.title].find((text) => typeof text === "string" && text !== "");
  return typeof said === "string" ? said.slice(0, LONGEST_REASON) : "";
}

interface Answer {
  status: number;
  type: string;
  text: string;
  document: Document | null;
}

/** The text of an answer, and what was read of it. */
export interface Read {
  text: string;
  made: object;
}

/** Ask; a text that is `known` is not read. */
async function ask(path: string, init: RequestInit, timeoutMs: number, known?: string): Promise<Answer> {
  const headers = { ...languageNow(), ...(init.headers as Record<string, string> | undefined) };
  // a network that wants a sign-in of its own answers with a redirection
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(API + path, { ...init, headers, redirect: "error", signal, credentials: "same-origin" });
  const text = await answer.text();
  const document = text === known ? null : documentOf(text);
  return { status: answer.status, type: answer.headers.get("content-type") ?? "", text, document };
}

/** The language of the page; the service worker has no document, and the browser then sends its own languages. */
function languageNow(): Record<string, string> {
  const { document: page } = globalThis as { document?: { documentElement: { lang: string } } };
  return page ? { "accept-language": page.documentElement.lang } : {};
}

/** GET a JSON object. Rejects with NoAnswer. */
export async function get(path: string): Promise<object> {
  return (await getAnew(path)).made;
}

/** As `get`; an answer with the very text of the one `before` is that one: a long list is not read every minute. */
export async function getAnew(path: string, before?: Read): Promise<Read> {
  let answer: Answer;
  try {
    answer = await ask(path, {}, ASK_MS, before?.text);
  } catch (error) {
    throw new NoAnswer("offline", String(error));
  }
  const { status, text, document } = answer;
  if (status === 401) throw new NoAnswer("sign_in");
  if (status === TOO_OFTEN) throw new NoAnswer("busy");
  if (status === 200 && text === before?.text) return before;
  const made = status === 200 && document ? (whole(path, document) as object | null) : null;
  if (made) return { text, made };
  if (status === 404 && isProblem(answer)) throw new NoAnswer("missing", reasonOf(document ?? {}));
  if (status >= 400 && status < 500 && isProblem(answer)) throw new NoAnswer("refused", reasonOf(document ?? {}));
  throw new NoAnswer("server", `HTTP ${status}`);
}

/** GET who is signed in: an answer that says nothing of it is none, lest a report goes out under another name. Rejects with NoAnswer. */
export async function getMe(): Promise<Me> {
  const me = (await get("/me")) as Me;
  if (me.name === "") throw new NoAnswer("server");
  return me;
}

function isProblem(answer: Pick<Answer, "type" | "document">): boolean {
  return answer.type.startsWith("application/problem+json") && answer.document !== null;
}

/** Refusals that another attempt may not meet: too early, the request took too long to arrive. */
const PASSING = new Set([408, 425]);

/** What the answer to a report means. Pure. */
export function outcomeOf(answer: Omit<Answer, "text">, isTaken: (document: Document) => boolean): Outcome {
  const { status, document } = answer;
  if (status >= 200 && status < 300) {
    // a captive portal answers 200 with a page of its own: that is no confirmation
    if (!document || !isTaken(document)) return { kind: "later", why: "server" };
    return { kind: "done", fault: isFault(document) ? wholeFault(document) : null };
  }
  if (status === 401) return { kind: "later", why: "sign_in" };
  if (status === TOO_OFTEN) return { kind: "later", why: "busy" };
  if (status >= 500 || status < 400 || PASSING.has(status)) return { kind: "later", why: "server" };
  if (!isProblem(answer) || !document) return { kind: "later", why: "server" }; // not the server's word
  const { fault } = document;
  if (status === 409 && document.code !== "action_id_used" && isFault(fault))
    return { kind: "conflict", reason: reasonOf(document), fault: wholeFault(fault) };
  return { kind: "refused", reason: reasonOf(document) || `HTTP ${status}` };
}

/** The real transport: the API on the page's own origin. */
export const server: Transport = {
  async who(): Promise<Known | Later> {
    try {
      const me = await getMe();
      return { kind: "known", name: me.accounts ? me.name : null };
    } catch (error) {
      const why = error instanceof NoAnswer ? error.why : "server";
      return { kind: "later", why: why === "refused" || why === "missing" ? "server" : why };
    }
  },

  async act(faultId: string, request: ActionRequest): Promise<Outcome> {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request) };
    try {
      const answer = await ask(`/faults/${encodeURIComponent(faultId)}/actions`, init, ACT_MS);
      return outcomeOf(answer, (document) => isFault(document) && document.id === faultId);
    } catch {
      return { kind: "later", why: "offline" };
    }
  },

  async check(number: string, outcome: CheckOutcome): Promise<Outcome> {
    const body = JSON.stringify({ outcome });
    const init = { method: "POST", headers: { "content-type": "application/json" }, body };
    try {
      const answer = await ask(`/checks/${encodeURIComponent(number)}`, init, ACT_MS);
      return outcomeOf(answer, (document) => document.number === number);
    } catch {
      return { kind: "later", why: "offline" };
    }
  },

  async photo(faultId: string, photoId: string, bytes: Uint8Array<ArrayBuffer>): Promise<Outcome> {
    const init = { method: "PUT", headers: { "content-type": "image/jpeg" }, body: bytes };
    const timeoutMs = PHOTO_MS + bytes.byteLength / SLOWEST_BYTES_PER_MS;
    try {
      const answer = await ask(`/faults/${encodeURIComponent(faultId)}/photos/${photoId}`, init, timeoutMs);
      return outcomeOf(answer, (document) => document.id === photoId);
    } catch (error) {
      // one photo that takes too long is no reason not to try the next
      return { kind: "later", why: (error as Error).name === "TimeoutError" ? "server" : "offline" };
    }
  },
};

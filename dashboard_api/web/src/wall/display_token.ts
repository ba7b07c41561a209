/** A display's token: taken from the address once, exchanged for a session cookie that no script reads, and forgotten. */

import { API } from "../city/api";
import type { Me } from "../city/types";

const TIMEOUT_MS = 4_000;
const NAME = "token";

/** `known`: the cookie, or the city without accounts, lets this display read. */
export type SignIn = "known" | "refused" | "unreachable";

/** The token of an address (`#token=…` or `?token=…`), and the address without it. */
export function takeToken(address: URL): { token: string | null; rest: string } {
  const fragment = new URLSearchParams(address.hash.slice(1));
  const token = fragment.get(NAME) ?? address.searchParams.get(NAME);
  fragment.delete(NAME);
  const rest = new URL(address);
  rest.searchParams.delete(NAME);
  rest.hash = fragment.toString();
  const given = token?.trim() ?? "";
  return { token: given === "" ? null : given, rest: rest.pathname + rest.search + rest.hash };
}

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(API + path, { ...init, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
}

/**
 * Sign in with a token, or find that the browser is signed in already. A person's session is left as it is: somebody
 * looks at the wall's page on a desk.
 */
export async function signIn(token: string | null, send: Ask = ask): Promise<SignIn> {
  try {
    const me = await send("/me");
    if (me.status >= 500 || me.status === 429) return "unreachable";
    const { kind } = me.ok ? ((await me.json()) as Partial<Me>) : { kind: undefined };
    if (kind === "user" || kind === "local" || (token === null && me.ok)) return "known";
    if (token === null) return "refused";
    const headers = { "content-type": "application/json" };
    const made = await send("/session", { method: "POST", headers, body: JSON.stringify({ token }) });
    if (made.status >= 500 || made.status === 429) return "unreachable";
    // 409: a city without accounts
    return made.ok || made.status === 409 ? "known" : "refused";
  } catch {
    return "unreachable";
  }
}

/** Reads the API for a display: an answer, or an error of the API's; never leads away to the sign-in page. */

import { API, Problem, Unreachable } from "../city/api";
import { whole } from "../city/whole";

const TIMEOUT_MS = 10_000;

/** GET a path of the API; raises Problem or Unreachable. */
export async function read<T>(path: string): Promise<T> {
  let answer: Response;
  let value: T;
  try {
    answer = await fetch(API + path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const read: unknown = await answer.json();
    value = (answer.ok ? whole(path, read) : read) as T;
  } catch (error) {
    throw new Unreachable(path, { cause: error });
  }
  if (answer.status >= 500) throw new Unreachable(path);
  if (!answer.ok) throw new Problem(answer.status, `HTTP ${answer.status}`, "", {});
  if (value === null) throw new Unreachable(path);
  return value;
}

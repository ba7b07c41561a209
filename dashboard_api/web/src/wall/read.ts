/** Reads the API for a display: an answer, or an error of the API's; never leads away to the sign-in page. */

import { API, Problem, Unreachable } from "../city/api";
import { whole } from "../city/whole";
import { json, type Line } from "./line";

const TIMEOUT_MS = 8_000;

/** GET a path of the API over a line; raises Problem or Unreachable. */
export async function read<T>(line: Line, path: string): Promise<T> {
  const { status, body } = await line.ask(API + path, TIMEOUT_MS);
  if (status >= 500) throw new Unreachable(path);
  if (status >= 400) throw new Problem(status, `HTTP ${status}`, "", {});
  let value: T | null;
  try {
    value = whole(path, json(body)) as T | null;
  } catch (error) {
    throw new Unreachable(path, { cause: error });
  }
  if (value === null) throw new Unreachable(path);
  return value;
}

/** What a person decides about a report that the server did not take, or that waits for somebody else. */

import type { Change, Outbox } from "./outbox";
import { changesState, type ActionBody, type OutboxRow } from "./outbox_row";
import type { Decision } from "./transport";

/**
 * Try a report again on the fault as it is now, keep it as a comment with the text `words`, or discard it. The server took
 * nothing of it, so a new id doubles nothing. "mine" sends what waits for somebody else, under the name `words`: the same
 * request, which may have arrived already. On disk when this resolves.
 */
export async function decide(outbox: Outbox, id: string, decision: Decision, words: string): Promise<void> {
  await outbox.change(id, (row, rows, newId) => changeOf(row, rows, decision, words, newId));
}

/** Nothing where the decision does not apply any more. */
function changeOf(
  row: OutboxRow,
  rows: readonly OutboxRow[],
  decision: Decision,
  words: string,
  newId: () => string,
): Change {
  if (decision === "mine" && row.state === "waiting" && row.waiting === "other_person")
    return { puts: [{ ...row, by: words, waiting: "" }], isGone: false };
  if (decision === "mine" || row.state === "sent" || row.state === "waiting") return { puts: [], isGone: false };
  if (decision === "discard") return { puts: [], isGone: true };
  // of what was refused the very same request again: a copy of it that is still under way doubles nothing
  const isSame = row.kind !== "action" || (decision === "again" && row.state === "refused");
  if (isSame) return { puts: [{ ...row, state: "waiting", reason: "" }], isGone: false };
  const note: ActionBody = { action: "comment", note: words, at: row.body?.at ?? null };
  const body = decision === "again" && row.body ? row.body : note;
  const again: OutboxRow = { ...row, id: newId(), body, state: "waiting", reason: "", after: null, now: null };
  again.seenVersion = seenSince(row, rows);
  delete again.ifVersion; // another request
  delete again.base;
  const after = changesState(again) ? again.id : null; // what follows a comment is asked about itself
  const followers = rows.filter((other) => other.after === row.id).map((other) => ({ ...other, after }));
  return { puts: [again, ...followers], isGone: true };
}

/** The version that a person saw who decides: of the conflict, and what own comments made of it since. */
function seenSince(row: OutboxRow, rows: readonly OutboxRow[]): number {
  const own = rows.filter(({ faultId, by, version }) => faultId === row.faultId && by === row.by && version !== null);
  const made = new Set(own.map(({ version }) => version));
  let seen = row.now?.version ?? row.seenVersion;
  while (made.has(seen + 1)) seen += 1;
  return seen;
}

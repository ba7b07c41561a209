/** One report of a crew that waits to be sent, or was sent: its fields, and the rules that need no storage. Pure. */

import type { ActionRequest, CheckOutcome, Fault } from "../city/types";

export type CrewAction = "acknowledge" | "assign" | "start" | "repair" | "cannot_repair" | "comment" | "reopen";
/** Waiting; sent; the fault changed meanwhile and a person decides; refused by the server and kept. */
export type RowState = "waiting" | "sent" | "conflict" | "refused";
/** Why a row waits. */
export type Waiting = "" | "offline" | "server" | "busy" | "sign_in" | "other_person" | "behind";

/** The fields of an action that do not change from one attempt to the next. */
export type ActionBody = Omit<ActionRequest, "action_id" | "age_s" | "if_version">;

/** When something was done, by every clock that the phone has. */
export interface Taken {
  /** By the wall clock, which may be a day off. */
  wallMs: number;
  /** By the clock that only counts while this page is open. */
  monotonicMs: number;
  /** Which opening of the page `monotonicMs` belongs to. */
  session: string;
  /** The server's clock minus the phone's, where the server had told its own; null = not known. */
  serverAheadMs: number | null;
  /** The newest time that the server had told by then, by its own clock: nothing was done before; absent = not known. */
  notBeforeMs?: number | null;
}

export interface OutboxRow {
  /** ULID: the action's id, or the photo's. */
  id: string;
  kind: "action" | "photo" | "check";
  faultId: string;
  /** Rows are sent in this order, whatever the clock did meanwhile. */
  n: number;
  /** Of an action. */
  body: ActionBody | null;
  /** Of a check of a citizen's report: its number, and what was found. */
  check?: { number: string; outcome: CheckOutcome };
  /** The fault's version that the person saw. */
  seenVersion: number;
  /** The own earlier action on the same fault whose answer says which version this one follows. */
  after: string | null;
  /** `if_version` of the request once it went out: a repeat is the very same request. undefined = not yet sent. */
  ifVersion?: number | null;
  /** The version that a comment, which asks for none, was made upon. */
  base?: number;
  by: string;
  taken: Taken;
  state: RowState;
  waiting: Waiting;
  nTries: number;
  /** What the server said to a refusal or conflict. */
  reason: string;
  /** The fault as the server had it at a conflict. */
  now: Fault | null;
  /** The fault's version after this action. */
  version: number | null;
  /** Of a photo: how many bytes are kept until it is sent. */
  nBytes: number;
  /** When the server confirmed it, by this phone's clock. */
  sentAtMs: number | null;
  /** What the row shows of its fault, which may be gone from the lists. */
  about: { code: string; place: string; version: number };
}

/** Whether an action changes the fault's state; comments and photos stand beside whatever happened meanwhile. */
export function changesState(row: Pick<OutboxRow, "kind" | "body">): boolean {
  return row.kind === "action" && row.body?.action !== "comment";
}

/** Whether a row is one of the actions on its fault, each of which makes a version. */
export function isAction(row: Pick<OutboxRow, "kind">): boolean {
  return row.kind === "action";
}

/**
 * The version that a row's follower may take for seen; null = the row is not sent. After a comment that came upon another
 * person's change it is the version before that: the change is still to be shown.
 */
export function versionAfter({ version, base }: Pick<OutboxRow, "version" | "base">): number | null {
  if (version === null || base === undefined) return version;
  return version === base + 1 ? version : base;
}

/** The clocks of this phone now. */
export interface DeviceClock {
  wallMs: () => number;
  monotonicMs: () => number;
  session: string;
  serverAheadMs: () => number | null;
  /** The newest time that the server has told, by its own clock. */
  serverToldMs: () => number | null;
}

export function takenNow(clock: DeviceClock): Taken {
  return {
    wallMs: clock.wallMs(),
    monotonicMs: clock.monotonicMs(),
    session: clock.session,
    serverAheadMs: clock.serverAheadMs(),
    notBeforeMs: clock.serverToldMs(),
  };
}

const MAX_AGE_S = 60 * 86_400; // the server's own limit

/**
 * Seconds since something was done. The server's clock is what both ends are measured by where it was known then, so
 * that a clock that is set right meanwhile changes nothing; while the page stays open the monotonic clock is the least,
 * and the time that the server had told before is the most: a phone that starts without a network may begin at any date.
 */
export function ageSeconds(taken: Taken, clock: DeviceClock): number {
  const aheadNow = clock.serverAheadMs();
  const doneMs = taken.wallMs + (taken.serverAheadMs ?? aheadNow ?? 0);
  let ageMs = clock.wallMs() + (aheadNow ?? taken.serverAheadMs ?? 0) - doneMs;
  const { notBeforeMs = null } = taken;
  if (notBeforeMs !== null && aheadNow !== null) ageMs = Math.min(ageMs, clock.wallMs() + aheadNow - notBeforeMs);
  if (taken.session === clock.session) ageMs = Math.max(ageMs, clock.monotonicMs() - taken.monotonicMs);
  return Math.min(MAX_AGE_S, Math.max(0, Math.round(ageMs / 100) / 10));
}

/** The request of an action row that has its `ifVersion`. */
export function requestOf(row: OutboxRow, clock: DeviceClock): ActionRequest {
  if (!row.body) throw new Error(`${row.id} is no action`);
  const version = row.ifVersion === undefined || row.ifVersion === null ? {} : { if_version: row.ifVersion };
  return { action_id: row.id, ...row.body, ...version, age_s: ageSeconds(row.taken, clock) };
}

/**
 * Sends a report that this phone cannot keep: its browser forbids storage, or the disk is full. It is done when the
 * server says so, and until then the person waits for it.
 */

import { monotonicFactory } from "ulid";
import type { CheckOutcome, Fault } from "../city/types";
import { server } from "./server";
import type { Outcome, Transport } from "./transport";
import type { ActionBody } from "./outbox_row";

const TRIES = 3; // of the same request: a repeat changes nothing
const PAUSE_MS = 1_500;

export interface Direct {
  transport: Transport;
  pauseMs: number;
}
const DIRECT: Direct = { transport: server, pauseMs: PAUSE_MS };
const nextId = monotonicFactory();

async function insisted(attempt: () => Promise<Outcome>, pauseMs: number): Promise<Outcome> {
  let outcome = await attempt();
  for (let n = 1; n < TRIES && outcome.kind === "later" && outcome.why !== "sign_in"; n += 1) {
    await new Promise((done) => setTimeout(done, pauseMs));
    outcome = await attempt();
  }
  return outcome;
}

/** Actions on a fault in their order; the outcome of the first that was not taken, or of the last. */
export async function actAtOnce(
  fault: Fault,
  bodies: readonly ActionBody[],
  { transport, pauseMs }: Direct = DIRECT,
): Promise<Outcome> {
  let outcome: Outcome = { kind: "done", fault };
  for (const body of bodies) {
    const known: number = outcome.fault?.version ?? fault.version;
    const version = body.action === "comment" ? {} : { if_version: known };
    const request = { action_id: nextId(), ...body, ...version, age_s: 0 };
    const next = await insisted(() => transport.act(fault.id, request), pauseMs);
    if (next.kind !== "done") return next;
    outcome = next;
  }
  return outcome;
}

export function photoAtOnce(
  faultId: string,
  bytes: Uint8Array<ArrayBuffer>,
  { transport, pauseMs }: Direct = DIRECT,
): Promise<Outcome> {
  const id = nextId();
  return insisted(() => transport.photo(faultId, id, bytes), pauseMs);
}

export function checkAtOnce(
  number: string,
  outcome: CheckOutcome,
  { transport, pauseMs }: Direct = DIRECT,
): Promise<Outcome> {
  return insisted(() => transport.check(number, outcome), pauseMs);
}

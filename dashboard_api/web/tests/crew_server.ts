/** What the crew's tests share: a clock that stands, and the API as the contract has it. */

import type { ActionRequest, Fault } from "../src/city/types";
import type { DeviceClock } from "../src/crew/outbox_row";
import type { Outcome, Transport } from "../src/crew/transport";

export const CLOCK: DeviceClock = {
  wallMs: () => 1e12,
  monotonicMs: () => 0,
  session: "s",
  serverAheadMs: () => 0,
  serverToldMs: () => null,
};

export function fault(id: string, version = 1): Fault {
  return { id, version, state: "open", code: "lampFailure" } as Fault;
}

/** Somebody is signed in; null = the city has no accounts. */
export function who(name: string | null): Transport["who"] {
  return () => Promise.resolve({ kind: "known", name });
}

/** The API as the contract has it: one transaction per action, an id once, versions held. */
export class FakeServer {
  readonly faults = new Map<string, Fault>();
  readonly actions = new Map<string, { body: string; answer: Fault }>();
  readonly photos = new Map<string, number>();
  readonly checks = new Map<string, string>();
  nUsedIds = 0;

  act(faultId: string, request: ActionRequest): Outcome {
    const body = JSON.stringify({ ...request, age_s: null }); // a repeat may know another age
    const earlier = this.actions.get(request.action_id);
    if (earlier) {
      if (earlier.body === body) return { kind: "done", fault: earlier.answer };
      this.nUsedIds += 1;
      return { kind: "refused", reason: "action_id_used" };
    }
    const now = this.faults.get(faultId) ?? fault(faultId);
    if (request.if_version !== undefined && request.if_version !== null && request.if_version !== now.version)
      return { kind: "conflict", reason: "stale_version", fault: now };
    const answer = { ...now, version: now.version + 1 };
    this.faults.set(faultId, answer);
    this.actions.set(request.action_id, { body, answer });
    return { kind: "done", fault: answer };
  }

  /** As the API: the first outcome holds, a repeat changes nothing, another one is refused. */
  check(number: string, outcome: string): Outcome {
    const known = this.checks.get(number) ?? outcome;
    this.checks.set(number, known);
    return known === outcome ? { kind: "done", fault: null } : { kind: "refused", reason: known };
  }

  photo(photoId: string): Outcome {
    this.photos.set(photoId, (this.photos.get(photoId) ?? 0) + 1);
    return { kind: "done", fault: null };
  }
}

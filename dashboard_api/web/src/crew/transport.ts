/** What a report meets on its way: the ways to the server, and what comes of an attempt. Types alone. */

import type { CheckOutcome, Fault } from "../city/types";
import type { Draft } from "./database";
import type { requestOf } from "./outbox_row";

/** Another attempt may succeed. */
export interface Later {
  kind: "later";
  why: "offline" | "server" | "busy" | "sign_in";
}

/** What came of one attempt. */
export type Outcome =
  | { kind: "done"; fault: Fault | null }
  | { kind: "conflict"; reason: string; fault: Fault }
  | { kind: "refused"; reason: string }
  | Later;

/** Who the server takes this phone for; null = the city has no accounts. */
export interface Known {
  kind: "known";
  name: string | null;
}

export interface Transport {
  /** GET who is signed in now; never rejects. */
  who(): Promise<Known | Later>;
  /** POST an action; never rejects. */
  act(faultId: string, request: ReturnType<typeof requestOf>): Promise<Outcome>;
  /** POST what a check found; never rejects. A repeat changes nothing. */
  check(number: string, outcome: CheckOutcome): Promise<Outcome>;
  /** PUT a photo; never rejects. */
  photo(faultId: string, photoId: string, bytes: Uint8Array<ArrayBuffer>): Promise<Outcome>;
}

/** A person's decision about a report that was not taken; "mine" = send another person's under the own name. */
export type Decision = "again" | "note" | "discard" | "mine";

export interface Report {
  fault: Fault;
  place: string;
  by: string;
  /** What is left of the person's draft, null = nothing; absent = it stays as it is. */
  draft?: Draft | null;
}

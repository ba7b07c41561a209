/** What a report meets on its way: the ways to the server, and what comes of an attempt. Types alone. */

import type { CheckOutcome, Fault } from "../city/types";
import type { requestOf } from "./outbox_row";

/** What came of one attempt. */
export type Outcome =
  | { kind: "done"; fault: Fault | null }
  | { kind: "conflict"; reason: string; fault: Fault }
  | { kind: "refused"; reason: string }
  | { kind: "later"; why: "offline" | "server" | "sign_in" };

export interface Transport {
  /** POST an action; never rejects. */
  act(faultId: string, request: ReturnType<typeof requestOf>): Promise<Outcome>;
  /** POST what a check found; never rejects. A repeat changes nothing. */
  check(number: string, outcome: CheckOutcome): Promise<Outcome>;
  /** PUT a photo; never rejects. */
  photo(faultId: string, photoId: string, bytes: Uint8Array<ArrayBuffer>): Promise<Outcome>;
}

/** A person's decision about a conflict. */
export type Decision = "again" | "note" | "discard";

export interface Report {
  fault: Fault;
  place: string;
  by: string;
}

/** Puts what a crew reports into the outbox, says whether it is kept, and has it sent; at once where it cannot be kept. */

import type { Crew } from "./crew";
import type { CrewMessage } from "./crew_words";
import { OutboxFull, type Outbox } from "./outbox";
import { persist } from "./storage_mark";
import type { Outcome } from "./transport";

/** The two ways of a report. */
export interface Ways {
  add: (outbox: Outbox) => Promise<unknown>;
  atOnce: () => Promise<Outcome>;
  /** Said when it is kept. */
  kept?: CrewMessage;
}

/** False = it could neither be kept nor sent, and why is said. */
export async function keepReport(crew: Crew, { add, atOnce, kept = "crew.kept" }: Ways): Promise<boolean> {
  const { outbox, words } = crew;
  try {
    if (!outbox) return await sendNow(crew, atOnce);
    await add(outbox);
  } catch (error) {
    if (!(error instanceof OutboxFull)) return sendNow(crew, atOnce); // nothing of it is kept: the transaction failed
    crew.tell(words.say("crew.outbox_full"));
    return false;
  }
  crew.tell(words.say(kept));
  void persist();
  crew.sendNow();
  return true;
}

async function sendNow(crew: Crew, atOnce: () => Promise<Outcome>): Promise<boolean> {
  const { words } = crew;
  crew.tell(words.say("crew.sending"));
  const outcome = await atOnce().catch((): Outcome => ({ kind: "later", why: "offline" })); // its code did not come
  if (outcome.kind === "done") {
    if (outcome.fault) crew.take(outcome.fault);
    crew.tell(words.say("crew.sent_at_once"));
    return true;
  }
  const because = outcome.kind === "later" ? words.coded("crew.waiting", outcome.why) : outcome.reason;
  crew.tell(`${words.say("crew.not_kept")} ${because}`);
  return false;
}

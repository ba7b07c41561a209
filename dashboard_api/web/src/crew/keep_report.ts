/** Puts what a crew reports into the outbox, says whether it is kept, and has it sent. */

import type { Crew } from "./crew";
import { OutboxFull, type Outbox } from "./outbox";
import { persist } from "./storage_mark";

/** False = it could not be kept, and why is said. */
export async function keepReport(crew: Crew, add: (outbox: Outbox) => Promise<unknown>): Promise<boolean> {
  const { outbox, words } = crew;
  try {
    if (!outbox) throw new OutboxFull();
    await add(outbox);
  } catch (error) {
    crew.tell(words.say(error instanceof OutboxFull && outbox ? "crew.outbox_full" : "crew.not_kept"));
    return false;
  }
  crew.tell(words.say("crew.kept"));
  void persist();
  crew.sendNow();
  return true;
}

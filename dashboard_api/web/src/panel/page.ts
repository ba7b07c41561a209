/** What the panels share: the words, the clock, what is known of the city, and where a reader can go from here. */

import type { CityClock } from "../city/clock";
import type { FaultStore } from "../city/fault_store";
import type { LampStates } from "../city/lamp_states";
import type { Fault, LampFeature } from "../city/types";
import type { EvidenceWords } from "../words/evidence_words";
import type { Words } from "../words/words";

export interface Page {
  words: Words;
  clock: CityClock;
  evidence: EvidenceWords;
  faults: FaultStore;
  states: LampStates;
  lampOf(id: string): LampFeature | undefined;
  cabinetName(id: string): string;
  showFault: (id: string) => void;
  showLamp: (id: string) => void;
  showList(): void;
  showCabinetFaults: (id: string) => void;
}

/** Where a fault stands, in the words of a street: "Jalan Merdeka, circuit 2". */
export function placeOf(fault: Fault, page: Page): string {
  const { words } = page;
  const parts = [fault.street];
  if (fault.level === "lamp") parts.push(fault.lamp_id);
  else if (fault.cabinet_id) parts.push(page.cabinetName(fault.cabinet_id));
  else parts.push(fault.controller_id);
  if (fault.level === "circuit" && fault.circuit) parts.push(`${words.say("circuit").toLowerCase()} ${fault.circuit}`);
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}

/** How long a fault has stood, in the city's time. */
export function ageSeconds(fault: Fault, clock: CityClock): number {
  const onset = fault.evidence.since;
  const since = typeof onset === "string" ? Date.parse(onset) : NaN;
  return (clock.nowMs() - (Number.isNaN(since) ? Date.parse(fault.opened_at) : since)) / 1000;
}

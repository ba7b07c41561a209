/** What the views of the crew's page share. */

import type { TemplateResult } from "lit-html";
import type { CityClock } from "../city/clock";
import type { CheckOutcome, Fault } from "../city/types";
import type { CrewData } from "./crew_data";
import type { CrewRoute } from "./crew_route";
import type { CrewWords } from "./crew_words";
import type { CrewDatabase, Draft } from "./database";
import { bearing, compassPoint, distanceText, metresBetween } from "./distance";
import type { Outbox } from "./outbox";
import type { ActionBody, OutboxRow } from "./outbox_row";
import type { Position } from "./position";
import { pointOf, type WorkRow } from "./work_list";

export interface Crew {
  readonly words: CrewWords;
  readonly clock: CityClock;
  readonly data: CrewData;
  readonly position: Position;
  readonly database: CrewDatabase | null;
  readonly outbox: Outbox | null;
  readonly route: CrewRoute;
  /** Who reports: the signed-in name, else the one that this phone remembers; "" = not known. */
  readonly name: string;
  /** Every row of the outbox, oldest first. */
  readonly rows: readonly OutboxRow[];
  readonly reports: ReadonlyMap<string, OutboxRow[]>;
  setName(name: string): void;
  /** The faults that the list shows, in its order. */
  shown(): WorkRow[];
  go(part: Partial<CrewRoute>): void;
  /** The address of what `go` shows. */
  hrefOf(part: Partial<CrewRoute>): string;
  back(): void;
  readonly redraw: () => void;
  /**
   * Keep actions on a fault in the outbox and send them; false = neither could be done, and why is said. `draft` = what
   * is left of the person's draft, null = nothing; absent = it stays as it is.
   */
  report(fault: Fault, bodies: readonly ActionBody[], draft?: Draft | null): Promise<boolean>;
  /** Keep what a check of a citizen's report found in the outbox, and send it; as `report`. */
  answerCheck(number: string, outcome: CheckOutcome, place: string): Promise<boolean>;
  readonly sendNow: () => void;
  /** A fault as the server has it after a report. */
  take(fault: Fault): void;
  /** Say something at the foot of the page for a few seconds. */
  tell(text: string): void;
}

export interface CrewPart {
  template(): TemplateResult;
}

export function titleOf(fault: Pick<Fault, "code">, crew: Crew): string {
  return crew.words.words.title(fault.code);
}

/** Where a fault stands: "Jalan Merdeka · L-000123", "Jalan Merdeka · C-017, circuit 2". */
export function placeOf(fault: Fault, crew: Crew): string {
  const circuit = fault.circuit === null ? "" : `, ${crew.words.say("crew.circuit", { id: fault.circuit })}`;
  const thing =
    fault.level === "lamp"
      ? fault.lamp_id
      : fault.level === "circuit"
        ? `${fault.cabinet_id ?? ""}${circuit}`
        : (fault.cabinet_id ?? fault.controller_id);
  return [fault.street, thing].filter(Boolean).join(" · ");
}

/** "320 m north-east"; "" where either place is not known. */
export function awayText(fault: Fault, crew: Crew): string {
  const { here } = crew.position;
  const point = pointOf(fault);
  if (!here || !point) return "";
  const metres = metresBetween(here, point);
  const way = crew.words.coded("crew.compass", compassPoint(bearing(here, point)));
  return `${distanceText(metres, crew.words.words.locale)} ${way}`;
}

const SET_BACK_MS = 60_000; // less is the difference of two clocks

/** "data 3 min old", or that there is none. `ageMs` is negative where the phone's clock was set back meanwhile. */
export function ageText(ageMs: number | null, crew: Crew): string {
  const { words } = crew;
  if (ageMs === null) return words.say("crew.no_data");
  if (ageMs < -SET_BACK_MS) return words.say("crew.data_unknown");
  const minutes = Math.max(0, Math.floor(ageMs / 60_000));
  if (minutes < 1) return words.say("crew.data_now");
  if (minutes < 120) return words.say("crew.data_minutes", { n: minutes });
  if (minutes < 48 * 60) return words.say("crew.data_hours", { n: Math.floor(minutes / 60) });
  return words.say("crew.data_days", { n: Math.floor(minutes / 1440) });
}

/** A moment in the city's zone: the time alone on the same day. */
export function momentText(at: string, crew: Crew): string {
  const { clock, words } = crew;
  const [atMs, nowMs, locale] = [Date.parse(at), clock.nowMs(), words.words.locale];
  const isToday = clock.shortDay(atMs, locale) === clock.shortDay(nowMs, locale);
  return isToday ? clock.time(atMs, locale) : clock.moment(atMs, locale);
}

/** What was broken and replaced: "driver, LED driver 90 W" as "LED driver 90 W", since the part says both. */
export function mendedText(cause: string | null | undefined, part: string | null | undefined, crew: Crew): string {
  const named = cause ? crew.words.coded("crew.cause", cause) : "";
  return [part?.startsWith(named) ? "" : named, part].filter(Boolean).join(", ");
}

/** Where a person signs in, and comes back to what is shown now. */
export function signInAddress(): string {
  return `/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`;
}

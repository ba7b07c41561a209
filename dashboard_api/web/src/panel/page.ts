/** What the views share: the words, the clock, what is known of the city, and where a reader can go from here. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { Route } from "../app/router";
import { addressOf } from "../app/router";
import type { CityClock } from "../city/clock";
import type { FaultStore } from "../city/fault_store";
import type { Cabinet, City, Fault, Me, Summary } from "../city/types";
import type { Looks } from "../map/icons";
import type { Words } from "../words/words";

export interface Page {
  words: Words;
  clock: CityClock;
  faults: FaultStore;
  /** How the server's fault catalogue has each code shown. */
  readonly looks: Looks;
  readonly city: City | null;
  readonly summary: Summary | null;
  /** Who is signed in; null until the server has said so. */
  readonly me: Me | null;
  readonly cabinets: ReadonlyMap<string, Cabinet>;
  go: (route: Route) => void;
  /** Back to where the reader came from. */
  up: () => void;
  /** Draw everything again, soon. */
  redraw: () => void;
  /** Ring a place on the map and go there; of a circuit's fault, draw what it takes with it. */
  showPlace: (place: Place | null, fault?: Fault) => void;
}

export type Place = readonly [longitude: number, latitude: number];

/** A view of the panel: the list, a fault, a lamp, a cabinet. */
export interface View {
  template(): TemplateResult;
  show(id: string): void;
  leave(): void;
  /** A fault was opened, changed or closed. */
  hear?(fault: Fault): void;
  /** Lamps changed their look. */
  hearLamps?(): void;
  /** Whether it shows that it could not be loaded: then it is asked for again as soon as the server answers. */
  readonly isTroubled?: boolean;
}

/** A link to a view: it opens in a new tab as well. */
export function href(route: Route): string {
  return addressOf(route, new URL(location.href));
}

export function cabinetName(id: string, page: Page): string {
  return page.cabinets.get(id)?.name ?? id;
}

/** Where a fault stands, in the words of a street: "Jalan Merdeka, circuit 2". */
export function placeOf(fault: Fault, page: Page): string {
  const { words } = page;
  const parts = [fault.street];
  if (fault.level === "lamp") parts.push(fault.lamp_id);
  else if (fault.cabinet_id) parts.push(cabinetName(fault.cabinet_id, page));
  else parts.push(fault.controller_id);
  if (fault.level === "circuit" && fault.circuit) parts.push(`${words.say("circuit").toLowerCase()} ${fault.circuit}`);
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}

/** How long a fault has stood, in the city's time: until it was closed, or until now. */
export function ageSeconds(fault: Fault, clock: CityClock): number {
  const onset = fault.evidence.since;
  const since = typeof onset === "string" ? Date.parse(onset) : NaN;
  const untilMs = fault.closed_at === null ? clock.nowMs() : Date.parse(fault.closed_at);
  return (untilMs - (Number.isNaN(since) ? Date.parse(fault.opened_at) : since)) / 1000;
}

/** A label and its value; one without a value is left out. */
export type Fact = readonly [label: string, value: string | number | TemplateResult | null | undefined];

export function facts(rows: readonly Fact[]): TemplateResult {
  const told = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<dl class="facts">
    ${told.map(
      ([label, value]) =>
        html`<div>
          <dt>${label}</dt>
          <dd dir="auto">${value}</dd>
        </div>`,
    )}
  </dl>`;
}

export function backButton(page: Page): TemplateResult {
  return html`<button class="back" type="button" @click=${page.up}>‹ ${page.words.say("back")}</button>`;
}

/** A few buttons of which one is pressed. */
export function choice<T extends string | number>(
  label: string,
  options: readonly (readonly [value: T, text: string])[],
  chosen: T,
  choose: (value: T) => void,
): TemplateResult {
  return html`<div class="ranges" role="group" aria-label=${label}>
    ${options.map(
      ([value, text]) =>
        html`<button
          type="button"
          aria-pressed=${String(value === chosen)}
          @click=${() => {
            choose(value);
          }}
        >
          ${text}
        </button>`,
    )}
  </div>`;
}

/** The open fault by which a lamp is dark, whatever the lamp's own meter said last. */
export function darkeningFault(faults: readonly Fault[], page: Page): Fault | undefined {
  return faults.find(({ code, state }) => page.looks.get(code)?.darkens === true && state !== "closed");
}

export { nothing };

/** A tour over the list's faults in a short order, with what to bring for all of it. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { Fault } from "../city/types";
import { ratingsOf } from "./choices";
import { titleOf, type Crew, type CrewPart } from "./crew";
import { icon } from "./crew_icons";
import { distanceText, metresBetween, type Point } from "./distance";
import { csvOf, gpxOf, save, type ExportRow } from "./exports";
import { workRow } from "./list_view";
import { MOST_STOPS, pathMetres, tourOrder } from "./tour";
import { pointOf, stateOf, type WorkRow } from "./work_list";

const SIZES = [10, 20, 40, MOST_STOPS] as const;

type Stop = WorkRow & Point;

export class TourView implements CrewPart {
  readonly #crew: Crew;
  #size: number = SIZES[0];
  /** Faults that the person took out of the tour. */
  readonly #without = new Set<string>();
  #made: { key: string; stops: Stop[] } = { key: "", stops: [] };

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  /** Faults of the list that still want work, in a short order. */
  stops(): Stop[] {
    const { position, reports } = this.#crew;
    const wanted = this.#crew
      .shown()
      .filter(({ fault }) => !this.#without.has(fault.id) && stateOf(fault, reports.get(fault.id) ?? []) !== "repaired")
      .flatMap((row): Stop[] => {
        const point = pointOf(row.fault);
        return point ? [{ ...row, ...point }] : [];
      })
      .slice(0, this.#size);
    const { here } = position;
    const key = JSON.stringify([here, wanted.map(({ fault, report }) => [fault.id, fault.version, report])]);
    if (key !== this.#made.key) this.#made = { key, stops: tourOrder(wanted, here) };
    return this.#made.stops;
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, position } = crew;
    const stops = this.stops();
    const metres = pathMetres(stops, position.here);
    return html`<section class="tour">
      <h2>
        ${words.count("crew.n_stops", stops.length)}${stops.length > 1 ? ` · ${distanceText(metres, words.words.locale)}` : ""}
      </h2>
      <div class="tools">
        ${SIZES.map(
          (size) =>
            html`<button
              type="button"
              class="chip"
              aria-pressed=${String(this.#size === size)}
              @click=${() => {
                this.#size = size;
                crew.redraw();
              }}
            >
              ${size}
            </button>`,
        )}
        ${
          position.here
            ? nothing
            : html`<button
                type="button"
                class="chip"
                data-do="near"
                @click=${() => {
                  position.ask();
                }}
              >
                ${words.say("crew.from_here")}
              </button>`
        }
      </div>
      ${exportButtons(() => stops, crew)}
      <p class="hint">${words.say("crew.straight_lines")}</p>
      ${bringList(
        stops.map(({ fault }) => fault),
        crew,
      )}
      ${stops.length === 0 ? html`<p class="empty">${words.say("crew.none_match")}</p>` : nothing}
      <ol class="rows stops">
        ${stops.map((stop, row) => this.#stop(stop, row, stops))}
      </ol>
    </section>`;
  }

  #stop(stop: Stop, row: number, stops: readonly Stop[]): TemplateResult {
    const crew = this.#crew;
    const { words } = crew;
    const before = row === 0 ? crew.position.here : (stops[row - 1] ?? null);
    const place = `${stop.latitude.toFixed(6)},${stop.longitude.toFixed(6)}`;
    const leg = before ? metresBetween(before, stop) : null;
    return html`<li>
      <span class="nth">${row + 1}</span>
      ${workRow({ ...stop, metres: leg }, crew)}
      <a class="button" href="geo:${place}?q=${place}" aria-label=${words.say("crew.navigate")}>${icon("navigate")}</a>
      <button
        type="button"
        aria-label=${words.say("crew.leave_out")}
        @click=${() => {
          this.#without.add(stop.fault.id);
          crew.redraw();
        }}
      >
        ×
      </button>
    </li>`;
  }
}

/** What to bring: kinds of faults with how many, their ratings, and the advice of each. */
export function bringList(faults: readonly Fault[], crew: Crew, isOpen = false): TemplateResult | typeof nothing {
  if (faults.length === 0) return nothing;
  const { words } = crew;
  const kinds = new Map<string, Fault[]>();
  for (const fault of faults) kinds.set(fault.code, [...(kinds.get(fault.code) ?? []), fault]);
  return html`<details class="advice" ?open=${isOpen}>
    <summary>${words.say("crew.bring")} (${kinds.size})</summary>
    <ul class="bring">
      ${[...kinds].map(
        ([code, some]) =>
          html`<li>
            <label><input type="checkbox" /> <b>${some.length} × ${words.words.title(code)}</b></label>
            ${ratings(some, crew)}
            <p>${words.words.advice(code, some[0]?.advice ?? "")}</p>
          </li>`,
      )}
    </ul>
  </details>`;
}

/** "2 × 90 W, 1 × 45 W": the ratings that the evidence names. */
function ratings(faults: readonly Fault[], crew: Crew): string {
  const figure = (value: number) => crew.words.words.figure(value, 0);
  return ratingsOf(faults)
    .map(([watts, count]) => `${figure(count)} × ${figure(watts)} W`)
    .join(", ");
}

export function exportRows(rows: readonly WorkRow[], crew: Crew): ExportRow[] {
  return rows.map(({ fault }) => ({
    fault,
    title: titleOf(fault, crew),
    advice: crew.words.words.advice(fault.code, fault.advice),
    state: crew.words.coded("crew.state", stateOf(fault, crew.reports.get(fault.id) ?? [])),
  }));
}

/** Print, CSV and GPX of rows. */
export function exportButtons(rows: () => readonly WorkRow[], crew: Crew): TemplateResult {
  const { words } = crew;
  return html`<div class="tools exports">
    <button
      type="button"
      class="chip"
      data-do="print"
      @click=${() => {
        crew.go({ view: "print" });
      }}
    >
      ${words.say("crew.print")}
    </button>
    <button
      type="button"
      class="chip"
      data-do="csv"
      @click=${() => {
        save("terang.csv", "text/csv;charset=utf-8", csvOf(exportRows(rows(), crew)));
      }}
    >
      CSV
    </button>
    <button
      type="button"
      class="chip"
      data-do="gpx"
      @click=${() => {
        save("terang.gpx", "application/gpx+xml", gpxOf(exportRows(rows(), crew)));
      }}
    >
      GPX
    </button>
  </div>`;
}

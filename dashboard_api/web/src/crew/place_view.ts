/** A lamp or cabinet that a pole's label names: what is known of it, and the faults that stand on it. */

import { html, nothing, type TemplateResult } from "lit-html";
import type { Fault, LampAnswer } from "../city/types";
import { momentText, type Crew, type CrewPart } from "./crew";
import { factList } from "./fault_detail";
import { workRow } from "./list_view";

export class PlaceView implements CrewPart {
  readonly #crew: Crew;
  #key = "";
  #lamp: LampAnswer | null = null;
  #isAsking = false;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  show(lamp: string, cabinet: string): void {
    const key = `${lamp}\n${cabinet}`;
    if (key === this.#key) return;
    this.#key = key;
    this.#lamp = null;
    if (!lamp) return;
    this.#isAsking = true;
    void this.#crew.data.lamp(lamp).then((answer) => {
      if (key !== this.#key) return;
      this.#lamp = answer;
      this.#isAsking = false;
      this.#crew.redraw();
    });
  }

  /** The open faults that take the place with them, as this phone knows them. */
  #faults(): Fault[] {
    const { route, data } = this.#crew;
    const known = data
      .faults()
      .filter((fault) => (route.lamp ? fault.lamp_ids.includes(route.lamp) : fault.cabinet_id === route.cabinet));
    const told = (this.#lamp?.faults ?? []).filter(({ id }) => !known.some((fault) => fault.id === id));
    return [...known, ...told];
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, route } = crew;
    const faults = this.#faults();
    return html`<article class="detail" tabindex="-1">
      <header class="headline">
        <div>
          <p class="tags">${words.say(route.lamp ? "crew.lamp" : "crew.cabinet")}</p>
          <h2 dir="auto">${route.lamp || route.cabinet}</h2>
        </div>
      </header>
      ${route.lamp ? this.#about() : nothing}
      <h3>${words.count("crew.n_faults", faults.length)}</h3>
      ${faults.length === 0 ? html`<p class="empty">${words.say("crew.no_fault_here")}</p>` : nothing}
      <ol class="rows">
        ${faults.map((fault) => html`<li>${workRow({ kind: "row", fault, metres: null, report: null }, crew)}</li>`)}
      </ol>
    </article>`;
  }

  #about(): TemplateResult {
    const crew = this.#crew;
    const { words } = crew;
    const lamp = this.#lamp;
    if (!lamp) return html`<p class="empty">${words.say(this.#isAsking ? "crew.loading" : "crew.lamp_unknown")}</p>`;
    const { latest } = lamp;
    const watts = (value: number | null | undefined) =>
      typeof value === "number" ? `${words.words.figure(value)} W` : null;
    const place = `${lamp.latitude.toFixed(6)},${lamp.longitude.toFixed(6)}`;
    return html`${factList([
        [words.say("crew.lamp_state"), words.coded("crew.lamp_is", lamp.state)],
        [words.say("crew.power"), watts(latest?.power_w)],
        [words.say("crew.read_at"), latest?.at ? momentText(latest.at, crew) : null],
        [words.say("crew.rated"), watts(lamp.rated_power_w)],
        [words.say("crew.street"), lamp.street],
        [words.say("crew.cabinet"), lamp.cabinet_id],
        [words.say("crew.circuit_label"), lamp.circuit],
      ])} <a class="button" href="geo:${place}?q=${place}">${words.say("crew.navigate")} · ${place}</a>`;
  }
}

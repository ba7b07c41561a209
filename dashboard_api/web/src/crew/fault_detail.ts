/** One fault for the crew: where, why, what to bring, what can be reported, and whether the repair held. */

import { html, nothing, type TemplateResult } from "lit-html";
import { lasting } from "../city/clock";
import type { Fault, FaultState, Repair } from "../city/types";
import { EvidenceWords } from "../words/evidence_words";
import { familyOf, isFresh } from "../map/icons";
import { sign } from "../panel/sign";
import { awayText, momentText, placeOf, titleOf, type Crew, type CrewPart } from "./crew";
import { reportRow } from "./outbox_view";
import type { ActionBody } from "./outbox_row";
import { ReportForms, type FormName } from "./report_forms";
import { timelineList } from "./timeline";
import { pointOf, stateOf } from "./work_list";

/** The reports that each state allows; the server holds the same table and has the last word. */
type Allowed = readonly ("repair" | "start" | "acknowledge" | "cannot_repair" | "reopen")[];
const ALLOWED: Partial<Record<string, Allowed>> = {
  open: ["repair", "start", "acknowledge", "cannot_repair"],
  acknowledged: ["repair", "start", "cannot_repair"],
  assigned: ["repair", "start", "cannot_repair"],
  repaired: ["reopen"],
  closed: ["reopen"],
};

export class FaultDetailView implements CrewPart {
  readonly #crew: Crew;
  readonly #evidenceWords: EvidenceWords;
  readonly #forms: ReportForms;
  #id = "";
  #isReporting = false;
  /** What this phone last knew of the fault, which may be closed and gone from the lists meanwhile. */
  #last: Fault | null = null;

  constructor(crew: Crew) {
    this.#crew = crew;
    this.#evidenceWords = new EvidenceWords(crew.words.words, crew.clock);
    this.#forms = new ReportForms(crew);
  }

  show(id: string): void {
    if (this.#id === id) return;
    this.#id = id;
    this.#last = null;
    if (!id) return;
    void this.#forms.show(id);
    void this.#crew.data.askDetail(id);
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, data } = crew;
    const fault = data.fault(this.#id) ?? this.#last;
    if (!fault)
      return html`<article class="detail" tabindex="-1">
        <p class="empty">
          ${words.say(data.trouble === null && !data.isLoaded ? "crew.loading" : "crew.fault_unknown")}
        </p>
      </article>`;
    this.#last = fault;
    const state = stateOf(fault, crew.reports.get(fault.id) ?? []);
    const kind = typeof fault.evidence.kind === "string" ? fault.evidence.kind : "";
    const advice =
      words.words.find(`fault.${fault.code}.advice.${kind}`) ?? words.words.advice(fault.code, fault.advice);
    return html`<article class="detail" tabindex="-1">
      ${this.#head(fault, state)} ${this.#result(fault)} ${this.#reports(fault)} ${this.#actions(fault, state)}
      <p class="sentence">${this.#evidenceWords.sentence(fault.code, fault.evidence)}</p>
      ${
        advice
          ? html`<section class="advice">
              <h3>${words.say("crew.bring")}</h3>
              <p>${advice}</p>
            </section>`
          : nothing
      }
      ${this.#where(fault)} ${this.#evidence(fault)} ${this.#photos(fault)} ${this.#timeline(fault)}
    </article>`;
  }

  #head(fault: Fault, state: FaultState): TemplateResult {
    const crew = this.#crew;
    const { words } = crew;
    const onset = fault.evidence.since;
    const sinceMs = Date.parse(typeof onset === "string" ? onset : fault.opened_at);
    const stood = lasting((crew.clock.nowMs() - sinceMs) / 1000, words.words.locale);
    const until = fault.deferred_until;
    return html`<header class="headline ${fault.severity}">
      ${sign(familyOf(fault), isFresh(state))}
      <div>
        <h2>${titleOf(fault, crew)}</h2>
        <p class="place" dir="auto">${placeOf(fault, crew)}</p>
        <p class="tags">
          <span class="mark" data-state=${state}>${words.coded("crew.state", state)}</span>
          ${fault.started_at && state === "assigned" ? html`<span class="mark">${words.say("crew.started")}</span>` : nothing}
          ${until ? html`<span class="mark">${words.say("crew.deferred", { t: momentText(until, crew) })}</span>` : nothing}
          ${fault.assignee ? html`<span dir="auto">${fault.assignee}</span>` : nothing}
          <span>${words.say("crew.since", { t: stood })}</span>
        </p>
      </div>
      <span class="priority" title=${words.say("crew.priority")}>${fault.priority}</span>
    </header>`;
  }

  /** Whether the repair held, above everything else. */
  #result(fault: Fault): TemplateResult | typeof nothing {
    const repair =
      this.#crew.data.detail(fault.id)?.repair ?? this.#crew.data.repairs?.find((each) => each.fault.id === fault.id);
    return repair ? html`<p class="result ${repair.result}">${repairWords(repair, fault, this.#crew)}</p>` : nothing;
  }

  #reports(fault: Fault): TemplateResult | typeof nothing {
    const rows = this.#crew.reports.get(fault.id) ?? [];
    return rows.length === 0
      ? nothing
      : html`<ol class="reports">
          ${rows.map((row) => html`<li>${reportRow(row, this.#crew)}</li>`)}
        </ol>`;
  }

  #actions(fault: Fault, state: FaultState): TemplateResult {
    const { words, data } = this.#crew;
    const forms = this.#forms;
    const form = (name: FormName, text: string, isFirst = false) =>
      html`<button
        type="button"
        class=${isFirst ? "primary" : ""}
        data-do=${name}
        aria-expanded=${String(forms.open === name)}
        @click=${() => {
          forms.open = forms.open === name ? "" : name;
          this.#crew.redraw();
          // once it is drawn: on a small screen it begins below what is in sight
          requestAnimationFrame(() => document.querySelector("[data-form]")?.scrollIntoView({ block: "nearest" }));
        }}
      >
        ${text}
      </button>`;
    const plain = (name: "start" | "acknowledge" | "reopen", text: string, ...actions: ActionBody["action"][]) =>
      html`<button type="button" data-do=${name} @click=${() => void this.#report(fault, actions)}>${text}</button>`;
    const waiting = this.#crew.reports.get(fault.id) ?? [];
    const isStarted = fault.started_at !== null || waiting.some(({ body }) => body?.action === "start");
    const role = data.me?.role;
    if (role === "viewer") return html`<p class="hint">${words.say("crew.only_looking")}</p>`;
    const buttons = (ALLOWED[state] ?? []).map((action) => {
      if (action === "repair") return form("repair", words.say("crew.do_repair"), true);
      if (action === "cannot_repair") return form("cannot_repair", words.say("crew.do_cannot_repair"));
      if (action === "start")
        return isStarted && state === "assigned"
          ? nothing
          : plain("start", words.say("crew.do_start"), ...this.#start(fault, state));
      if (action === "reopen") return plain("reopen", words.say("crew.do_reopen"), "reopen");
      return plain("acknowledge", words.say("crew.do_acknowledge"), "acknowledge");
    });
    return html`<div class="actions">
        ${buttons} ${form("comment", words.say("crew.do_comment"))}
        <label class="button"
          >${words.say("crew.do_photo")}<input
            class="unseen"
            type="file"
            accept="image/*"
            capture="environment"
            name="photo"
            multiple
            @change=${(event: Event) => void forms.addPhotos(fault, event.target as HTMLInputElement)}
        /></label>
      </div>
      ${forms.template(fault)}`;
  }

  /** Work begins on what is assigned: to start something else is to take it first. */
  #start(fault: Fault, state: FaultState): ActionBody["action"][] {
    const isOwn = state === "assigned" && fault.assignee?.toLowerCase() === this.#crew.name.toLowerCase();
    return isOwn ? ["start"] : ["assign", "start"];
  }

  async #report(fault: Fault, actions: readonly ActionBody["action"][]): Promise<void> {
    if (this.#isReporting) return; // a second tap before the first is on disk
    const { words, data, reports } = this.#crew;
    const state = stateOf(data.fault(fault.id) ?? fault, reports.get(fault.id) ?? []);
    const first = actions.find((action) => action !== "assign");
    if (!ALLOWED[state]?.some((action) => action === first)) return; // or before the button is gone
    this.#isReporting = true;
    const at = new Date().toISOString();
    const assignee = this.#crew.name || words.say("crew.somebody");
    const bodies = actions.map((action): ActionBody => ({ action, at, ...(action === "assign" ? { assignee } : {}) }));
    await this.#crew.report(fault, bodies).finally(() => {
      this.#isReporting = false;
    });
  }

  #where(fault: Fault): TemplateResult {
    const crew = this.#crew;
    const { words } = crew;
    const point = pointOf(fault);
    const place = point ? `${point.latitude.toFixed(6)},${point.longitude.toFixed(6)}` : "";
    const facts: [string, string | null][] = [
      [words.say("crew.district"), fault.district],
      [words.say("crew.cabinet"), fault.cabinet_id],
      [words.say("crew.circuit_label"), fault.circuit],
      [words.say("crew.lamp"), fault.lamp_id],
      [words.say("crew.span"), fault.span && `${fault.span.after} – ${fault.span.before}`],
      [words.say("crew.lamps"), fault.level === "lamp" ? null : String(fault.lamp_ids.length)],
    ];
    return html`<section>
      <h3>${words.say("crew.where")}</h3>
      <p class="away">${awayText(fault, crew)}</p>
      ${factList(facts)}
      ${place ? html`<a class="button" href="geo:${place}?q=${place}">${words.say("crew.navigate")} · ${place}</a>` : nothing}
    </section>`;
  }

  #evidence(fault: Fault): TemplateResult {
    const { words } = this.#crew;
    const evidence = this.#evidenceWords;
    const lines = evidence.lines(fault.evidence).map(({ label, value }): [string, string] => [label, value]);
    lines.push([words.say("crew.confirmed"), momentText(fault.opened_at, this.#crew)]);
    const reasons = evidence.priority(fault.evidence).map(({ label, value }): [string, string] => [label, value]);
    return html`<section>
      <h3>${words.say("crew.evidence")}</h3>
      ${factList(lines)}
      ${
        reasons.length > 0
          ? html`<details>
              <summary>${words.say("crew.priority")} ${fault.priority}</summary>
              ${factList(reasons)}
            </details>`
          : nothing
      }
    </section>`;
  }

  #photos(fault: Fault): TemplateResult | typeof nothing {
    const ids = this.#crew.data.detail(fault.id)?.photos ?? [];
    if (ids.length === 0) return nothing;
    const address = (id: string) => `/api/v1/faults/${encodeURIComponent(fault.id)}/photos/${id}`;
    return html`<section class="photos">
      ${ids.map((id) => html`<a href=${address(id)}><img src=${address(id)} alt=${this.#crew.words.say("crew.photo")} loading="lazy" /></a>`)}
    </section>`;
  }

  #timeline(fault: Fault): TemplateResult | typeof nothing {
    const crew = this.#crew;
    const entries = crew.data.detail(fault.id)?.timeline ?? [];
    if (entries.length === 0) return nothing;
    return html`<section>
      <h3>${crew.words.say("crew.timeline")}</h3>
      ${timelineList(entries, crew)}
    </section>`;
  }
}

export function factList(rows: readonly (readonly [string, string | null])[]): TemplateResult {
  return html`<dl class="facts">
    ${rows
      .filter(([, value]) => value)
      .map(
        ([label, value]) =>
          html`<div>
            <dt>${label}</dt>
            <dd dir="auto">${value}</dd>
          </div>`,
      )}
  </dl>`;
}

const OF_LIGHT = new Set(["lampFailure", "circuitFailure", "cableFailure", "supplyLoss"]);

/** "Verified: 46.9 W at 02:12", "Still dark at 02:12", as the page's language says it. */
export function repairWords(repair: Repair, fault: Pick<Fault, "code">, crew: Crew): string {
  const { words } = crew;
  const time = repair.result_at === null ? "" : momentText(repair.result_at, crew);
  if (repair.result === "waiting" || time === "") return words.say("repair.waiting");
  if (repair.result === "verified" && repair.power_w !== null)
    return words.say("repair.verified_power", { power_w: words.words.figure(repair.power_w), time });
  if (repair.result === "verified") return words.say("repair.verified", { time });
  if (repair.result === "still_dark")
    return words.say(OF_LIGHT.has(fault.code) ? "repair.still_dark" : "repair.still_failing", { time });
  return words.say(repair.result === "reopened" ? "repair.reopened" : "repair.closed", { time });
}

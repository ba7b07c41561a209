/** The forms of a fault: repaired, cannot repair, comment, photo. What is chosen and typed is kept until it is saved. */

import { html, nothing, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import type { Fault } from "../city/types";
import { causesOf, hasPart, morningAfter, ratingOf, UNTIL_DAYS, WHY } from "./choices";
import { placeOf, type Crew } from "./crew";
import type { Draft } from "./database";
import { keepReport } from "./keep_report";
import type { ActionBody } from "./outbox_row";
import { NoPhoto, smallPhoto } from "./photo";
import { photoAtOnce } from "./send_at_once";

export type FormName = "" | "repair" | "cannot_repair" | "comment";

const LONGEST_NOTE = 2000;

function empty(faultId: string): Draft {
  return { faultId, note: "", cause: "", part: "", why: "", until: "" };
}

export class ReportForms {
  readonly #crew: Crew;
  #draft: Draft = empty("");
  #isSaving = false;
  open: FormName = "";

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  /** Show the forms of a fault, with what was left in them. */
  async show(faultId: string): Promise<void> {
    this.open = "";
    const blank = empty(faultId);
    this.#draft = blank;
    const kept = await this.#crew.database?.get("drafts", faultId).catch(() => undefined);
    if (!kept || this.#draft !== blank) return; // another fault, or something is chosen already
    const isPast = Date.parse(kept.until) <= this.#crew.clock.nowMs(); // "tomorrow" of an earlier day
    this.#draft = isPast ? { ...kept, until: "" } : kept;
    this.open = kept.cause ? "repair" : kept.why || kept.until ? "cannot_repair" : kept.note ? "comment" : "";
    this.#crew.redraw();
  }

  #change(part: Partial<Draft>): void {
    this.#draft = { ...this.#draft, ...part };
    void this.#crew.database?.put("drafts", this.#draft).catch(() => undefined);
    this.#crew.redraw();
  }

  async #save(fault: Fault, body: ActionBody): Promise<void> {
    if (this.#isSaving || this.open === "") return; // a second tap before the first is on disk, or before the form is gone
    this.#isSaving = true;
    // a comment is saved beside what is chosen in the other forms
    const left = body.action === "comment" ? { ...this.#draft, note: "" } : empty(fault.id);
    const isEmpty = left.cause + left.part + left.why + left.until === "";
    try {
      if (!(await this.#crew.report(fault, [body], isEmpty ? null : left))) return;
      if (this.#draft.faultId !== fault.id) return; // the person is elsewhere by now
      this.#draft = left;
      this.open = "";
    } finally {
      this.#isSaving = false;
      this.#crew.redraw();
    }
  }

  readonly #leave = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.#close();
  };

  /** What was typed stays as a draft. */
  #close(): void {
    this.open = "";
    this.#crew.redraw();
  }

  template(fault: Fault): TemplateResult | typeof nothing {
    if (this.open === "repair") return this.#repair(fault);
    if (this.open === "cannot_repair") return this.#cannotRepair(fault);
    return this.open === "comment" ? this.#comment(fault) : nothing;
  }

  #repair(fault: Fault): TemplateResult {
    const { words } = this.#crew;
    const { cause, part, note } = this.#draft;
    return html`<form
      class="form"
      data-form="repair"
      @keydown=${this.#leave}
      @submit=${(event: Event) => {
        event.preventDefault();
        void this.#save(fault, {
          action: "repair",
          ...this.#at(),
          ...(note.trim() ? { note: note.trim() } : {}),
          ...(cause ? { cause } : {}),
          ...(part.trim() ? { part: part.trim() } : {}),
        });
      }}
    >
      <h3>${words.say("crew.which_cause")}</h3>
      <div class="picks">
        ${causesOf(fault).map((each) =>
          this.#pick(words.coded("crew.cause", each), cause === each, () => {
            this.#change({ cause: each, part: hasPart(each) ? this.#partWords(each, fault) : "" });
          }),
        )}
      </div>
      ${
        hasPart(cause)
          ? html`<label
              >${words.say("crew.part")}
              <input
                name="part"
                maxlength="200"
                dir="auto"
                .value=${live(part)}
                @input=${(event: Event) => {
                  this.#change({ part: (event.target as HTMLInputElement).value });
                }}
            /></label>`
          : nothing
      }
      ${this.#note(words.say("crew.note_optional"))} ${this.#buttons(words.say("crew.save_repaired"), cause !== "")}
    </form>`;
  }

  /** "LED driver 90 W" of a cause, with the rating where the part has one. */
  #partWords(cause: string, fault: Fault): string {
    const name = this.#crew.words.coded("crew.cause", cause);
    const rated = ratingOf(cause, fault);
    return rated === null ? name : `${name} ${rated} W`;
  }

  #cannotRepair(fault: Fault): TemplateResult {
    const { words } = this.#crew;
    const { why, until, note } = this.#draft;
    const reason = why ? words.coded("crew.why", why) : "";
    return html`<form
      class="form"
      data-form="cannot_repair"
      @keydown=${this.#leave}
      @submit=${(event: Event) => {
        event.preventDefault();
        const text = [reason, note.trim()].filter(Boolean).join(": ");
        void this.#save(fault, { action: "cannot_repair", ...this.#at(), note: text, until });
      }}
    >
      <h3>${words.say("crew.which_why")}</h3>
      <div class="picks">
        ${WHY.map((each) =>
          this.#pick(words.coded("crew.why", each), why === each, () => {
            this.#change({ why: each });
          }),
        )}
      </div>
      <h3>${words.say("crew.until")}</h3>
      <div class="picks">
        ${UNTIL_DAYS.map((days) => {
          const at = morningAfter(this.#crew.clock, days);
          return this.#pick(words.count("crew.in_days", days), until === at, () => {
            this.#change({ until: at });
          });
        })}
      </div>
      ${this.#note(words.say("crew.note_optional"))}
      ${this.#buttons(words.say("crew.save_cannot_repair"), reason + note.trim() !== "" && until !== "")}
    </form>`;
  }

  #comment(fault: Fault): TemplateResult {
    const { words } = this.#crew;
    return html`<form
      class="form"
      data-form="comment"
      @keydown=${this.#leave}
      @submit=${(event: Event) => {
        event.preventDefault();
        void this.#save(fault, { action: "comment", ...this.#at(), note: this.#draft.note.trim() });
      }}
    >
      ${this.#note(words.say("crew.note"))} ${this.#buttons(words.say("crew.save"), this.#draft.note.trim() !== "")}
    </form>`;
  }

  #pick(text: string, isPressed: boolean, take: () => void): TemplateResult {
    return html`<button type="button" class="chip" aria-pressed=${String(isPressed)} @click=${take}>${text}</button>`;
  }

  #note(label: string): TemplateResult {
    return html`<textarea
      name="note"
      rows="2"
      maxlength=${LONGEST_NOTE}
      dir="auto"
      placeholder=${label}
      aria-label=${label}
      .value=${live(this.#draft.note)}
      @input=${(event: Event) => {
        this.#change({ note: (event.target as HTMLTextAreaElement).value });
      }}
    ></textarea>`;
  }

  #buttons(save: string, isReady: boolean): TemplateResult {
    return html`<div class="buttons">
      <button type="submit" class="primary" ?disabled=${!isReady}>${save}</button>
      <button
        type="button"
        @click=${() => {
          this.#close();
        }}
      >
        ${this.#crew.words.say("crew.close_form")}
      </button>
    </div>`;
  }

  /** When it was done, as this phone's clock claims. */
  #at(): { at: string } {
    return { at: new Date().toISOString() };
  }

  /** Keep the photos that were taken or picked. */
  async addPhotos(fault: Fault, input: HTMLInputElement): Promise<void> {
    const crew = this.#crew;
    const files = [...(input.files ?? [])];
    input.value = "";
    for (const file of files) {
      try {
        const bytes = await smallPhoto(file);
        await keepReport(crew, {
          add: (outbox) => outbox.addPhoto({ fault, place: placeOf(fault, crew), by: crew.name }, bytes),
          atOnce: () => photoAtOnce(fault.id, bytes),
          kept: "crew.photo_kept",
        });
      } catch (error) {
        if (!(error instanceof NoPhoto)) throw error;
        crew.tell(crew.words.say(error.why === "too_large" ? "crew.photo_too_large" : "crew.photo_unreadable"));
      }
    }
  }
}

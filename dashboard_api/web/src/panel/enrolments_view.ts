/** Controllers that wait for their certificate: who, with which key, since when; an operator lets them in or refuses. */

import "../styles/enrolments.css";
import { html, type TemplateResult } from "lit-html";
import { repeat } from "lit-html/directives/repeat.js";
import { get, isExpected, post, Problem } from "../city/api";
import { numberFormat } from "../city/formats";
import type { EnrolmentList, EnrolmentRequest, WaitingEnrolment } from "../city/types";
import { questionTemplate, type EnrolmentWord, type Question } from "./enrolment_question";
import { backButton, facts, href, nothing, type Page, type View } from "./page";

const ASK_MS = 5_000; // a request with a code waits for two minutes
const AGES_MS = 1_000;
const MOST_DONE = 20;

const SPANS: readonly (readonly [unit: string, seconds: number, upTo: number])[] = [
  ["second", 1, 120],
  ["minute", 60, 7_200],
  ["hour", 3_600, 172_800],
];

/** What came of a decision, newest first. */
interface Done {
  id: string;
  text: string;
  isError: boolean;
}

export class EnrolmentsView implements View {
  readonly #page: Page;
  #isOpen = false;
  #waiting: readonly WaitingEnrolment[] | null = null;
  /** When it was told, by the monotonic clock. */
  #askedMs = 0;
  #trouble: EnrolmentWord | "" = "";
  #question: Question | null = null;
  #askedBy: HTMLElement | null = null;
  #done: Done[] = [];
  #isSending = false;
  #timers: number[] = [];

  constructor(page: Page) {
    this.#page = page;
  }

  show(): void {
    this.#isOpen = true;
    this.#done = [];
    this.#question = null;
    this.retry();
    this.#timers = [
      window.setInterval(() => {
        if (!document.hidden) this.retry();
      }, ASK_MS),
      window.setInterval(() => {
        if (!document.hidden && this.#waiting?.length) this.#page.redraw();
      }, AGES_MS),
    ];
    document.addEventListener("visibilitychange", this.#onSeen);
  }

  leave(): void {
    this.#isOpen = false;
    for (const timer of this.#timers) window.clearInterval(timer);
    document.removeEventListener("visibilitychange", this.#onSeen);
    this.#question = null;
    this.#waiting = null;
  }

  readonly #onSeen = (): void => {
    if (!document.hidden) this.retry();
  };

  get isTroubled(): boolean {
    return this.#trouble === "unreachable";
  }

  retry(): void {
    if (this.#isOpen) void this.#ask();
  }

  readonly #say = (word: EnrolmentWord, filling: Record<string, string | number> = {}): string =>
    this.#page.words.find(`admission.${word}`, filling) ?? word;

  async #ask(): Promise<void> {
    try {
      const { items } = await get<EnrolmentList>("/enrolments");
      this.#waiting = items;
      this.#askedMs = performance.now();
      this.#trouble = "";
    } catch (error) {
      if (!isExpected(error)) return;
      this.#trouble = !(error instanceof Problem) ? "unreachable" : error.status === 403 ? "not_allowed" : "refused";
      if (error instanceof Problem) this.#waiting = null;
    }
    this.#page.redraw();
  }

  #open(question: Question, event: Event): void {
    this.#question = question;
    this.#askedBy = event.currentTarget as HTMLElement;
    this.#page.redraw();
    requestAnimationFrame(() => {
      requestAnimationFrame(() => {
        const dialog = document.querySelector<HTMLDialogElement>("dialog.question");
        if (dialog && !dialog.open) dialog.showModal();
      });
    });
  }

  readonly #answer = (isYes: boolean): void => {
    const question = this.#question;
    if (!question) return;
    document.querySelector<HTMLDialogElement>("dialog.question")?.close();
    this.#question = null;
    if (isYes) void this.#decide(question);
    else this.#askedBy?.focus();
    this.#page.redraw();
  };

  async #decide({ request, approve }: Question): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    const controller = request.controller_id;
    let text: string;
    let isError = false;
    try {
      const path = `/enrolments/${encodeURIComponent(request.id)}/decision`;
      const { state } = await post<EnrolmentRequest>(path, { approve });
      text = this.#say(state === "approved" ? "approved" : "refused_now", { controller });
    } catch (error) {
      if (!isExpected(error)) return;
      isError = true;
      if (!(error instanceof Problem)) text = this.#say("not_sent", { controller });
      else if (error.status === 404) text = this.#say("too_late", { controller });
      else text = this.#say("failed", { controller, why: error.message });
    } finally {
      this.#isSending = false;
    }
    this.#done = [{ id: request.id, text, isError }, ...this.#done].slice(0, MOST_DONE);
    await this.#ask();
    requestAnimationFrame(() => {
      requestAnimationFrame(() => document.querySelector<HTMLElement>(".decided")?.focus());
    });
  }

  template(): TemplateResult {
    const page = this.#page;
    const say = this.#say;
    return html`<article class="detail enrolments" tabindex="-1">
      ${backButton(page)}
      <h2>${say("title")}</h2>
      <p class="soft">${say("lead")}</p>
      <div class="decided" role="status" tabindex="-1" aria-label=${say("decided")}>
        ${this.#done.map(({ text, isError }) => html`<p class=${isError ? "message error" : "message"} dir="auto">${text}</p>`)}
      </div>
      ${this.#trouble ? html`<p class="message error" role="alert">${say(this.#trouble)}</p>` : nothing} ${this.#rows()}
      ${questionTemplate(this.#question, say, this.#answer)}
    </article>`;
  }

  #rows(): TemplateResult | typeof nothing {
    if (!this.#waiting) return this.#trouble ? nothing : html`<p class="empty">${this.#page.words.say("loading")}</p>`;
    if (this.#waiting.length === 0) return html`<p class="empty">${this.#say("none")}</p>`;
    return html`<ol class="waiting">
      ${repeat(
        this.#waiting,
        ({ id }) => id,
        (each) => html`<li>${this.#row(each)}</li>`,
      )}
    </ol>`;
  }

  #row(request: WaitingEnrolment): TemplateResult {
    const say = this.#say;
    const { asked_at, age_s, cabinets } = request as Partial<WaitingEnrolment>; // an older server's answer has none
    // by the server's clock where it says so: this device's may be wrong by more than the two minutes
    const ageMs = age_s === undefined ? null : age_s * 1000 + performance.now() - this.#askedMs;
    const leftMs =
      ageMs === null || asked_at === undefined
        ? Date.parse(request.until) - Date.now()
        : Date.parse(request.until) - Date.parse(asked_at) - ageMs;
    const since = ageMs === null ? null : say("ago", { t: this.#span(ageMs) });
    const left = leftMs > 0 ? this.#span(leftMs) : say("over");
    const button = (approve: boolean) =>
      html`<button
        type="button"
        class=${approve ? "primary" : ""}
        data-decide=${approve ? "approve" : "refuse"}
        aria-disabled=${String(this.#isSending)}
        @click=${(event: Event) => {
          this.#open({ request, approve }, event);
        }}
      >
        ${say(approve ? "approve" : "refuse")}
        <span class="unseen">${request.controller_id}</span>
      </button>`;
    return html`<section class="request" data-request=${request.id}>
      <h3 dir="auto">${request.controller_id}</h3>
      <p class="key" aria-label=${say("key_of", { key: request.key })}>${request.key}</p>
      ${facts([
        [say("cabinet"), this.#cabinets(cabinets ?? [])],
        [say("how"), say(request.is_renewal ? "by_certificate" : "by_code")],
        [say("asked"), since],
        [say("time_left"), left],
      ])}
      <div class="buttons">${button(true)} ${button(false)}</div>
    </section>`;
  }

  #cabinets(cabinets: WaitingEnrolment["cabinets"]): TemplateResult | string {
    if (cabinets.length === 0) return this.#say("no_cabinet");
    return html`${cabinets.map(
      ({ cabinet_id, name }) =>
        html`<a data-view="cabinet" href=${href({ view: "cabinet", id: cabinet_id })}
          >${name ? `${name} · ${cabinet_id}` : cabinet_id}</a
        > `,
    )}`;
  }

  /** "45 seconds", "3 minutes", "6 days". */
  #span(ms: number): string {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const [unit, length] = SPANS.find(([, , upTo]) => seconds < upTo) ?? (["day", 86_400] as const);
    const format = numberFormat(this.#page.words.locale, { style: "unit", unit, unitDisplay: "long" });
    return format.format(Math.floor(seconds / length));
  }
}

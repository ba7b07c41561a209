/** What waits to be sent, was sent, or needs a decision: every report with its state, and conflicts beside what changed. */

import { html, nothing, type TemplateResult } from "lit-html";
import { mendedText, momentText, signInAddress, type Crew, type CrewPart } from "./crew";
import { decide } from "./decisions";
import { PHOTO_LOST } from "./outbox_round";
import { changesState, type OutboxRow } from "./outbox_row";
import { timelineList } from "./timeline";
import type { Decision } from "./transport";

const SENT_SHOWN = 30;

export class OutboxView implements CrewPart {
  readonly #crew: Crew;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  template(): TemplateResult {
    const crew = this.#crew;
    const { words, rows } = crew;
    const open = rows.filter(({ state }) => state !== "sent");
    const sent = rows.filter(({ state }) => state === "sent").toReversed();
    const needsSignIn = open.some(({ waiting }) => waiting === "sign_in" || waiting === "other_person");
    return html`<section class="outbox">
      <h2>${words.say("crew.outbox")}</h2>
      ${crew.outbox ? nothing : html`<p class="alarm">${words.say("crew.no_storage")}</p>`}
      ${
        needsSignIn ? html`<a class="button primary" href=${signInAddress()}>${words.say("crew.sign_in")}</a>` : nothing
      }
      ${open.length === 0 ? html`<p class="empty">${words.say("crew.nothing_waits")}</p>` : nothing}
      <ol class="reports">
        ${open.map((row) => html`<li>${reportRow(row, crew, true)}</li>`)}
      </ol>
      ${
        open.some(({ state }) => state === "waiting")
          ? html`<button type="button" data-do="send" @click=${crew.sendNow}>${words.say("crew.send_now")}</button>`
          : nothing
      }
      ${sent.length > 0 ? html`<h3>${words.say("crew.sent_title")}</h3>` : nothing}
      <ol class="reports">
        ${sent.slice(0, SENT_SHOWN).map((row) => html`<li>${reportRow(row, crew, true)}</li>`)}
      </ol>
      ${this.#me()}
    </section>`;
  }

  #me(): TemplateResult {
    const { words, data, name } = this.#crew;
    if (data.me?.accounts)
      return html`<p class="hint">
        ${words.say("crew.signed_in", { name: data.me.name })}
        <a href=${signInAddress()}>${words.say("crew.change_person")}</a>
      </p>`;
    return html`<label class="me"
      >${words.say("crew.my_name")}
      <input
        name="me"
        maxlength="100"
        dir="auto"
        autocomplete="name"
        .value=${name}
        @change=${(event: Event) => {
          this.#crew.setName((event.target as HTMLInputElement).value.trim());
        }}
    /></label>`;
  }
}

/** What was reported, in a few words: "Repaired: driver, LED driver 90 W". */
function reportWords(row: OutboxRow, crew: Crew): string {
  const { words } = crew;
  if (row.kind === "photo") return words.say("crew.photo");
  if (row.check) return words.coded("crew.check", row.check.outcome);
  const { action = "comment", cause, part, note, assignee } = row.body ?? {};
  const told = [mendedText(cause, part, crew), note, assignee].filter(Boolean).join(", ");
  const did = words.coded("crew.did", action);
  return told ? `${did}: ${told}` : did;
}

/** One report with its state; `withPlace` where the fault is not what the page is about. */
export function reportRow(row: OutboxRow, crew: Crew, withPlace = false): TemplateResult {
  const { words } = crew;
  const at = momentText(new Date(row.taken.wallMs + (row.taken.serverAheadMs ?? 0)).toISOString(), crew);
  const open = () => {
    crew.go(row.check ? { view: "checks" } : { fault: row.faultId });
  };
  return html`<div class="report ${row.state}" data-report=${row.id}>
    <p>
      <span class="mark ${row.state}">${words.coded("crew.row", row.state)}</span>
      <b>${reportWords(row, crew)}</b> <time>${at}</time>
    </p>
    ${
      withPlace
        ? html`<p class="place">
            <button type="button" class="link" dir="auto" @click=${open}>
              ${row.check ? words.say("crew.checks") : words.words.title(row.about.code)} · ${row.about.place}
            </button>
          </p>`
        : nothing
    }
    ${row.waiting && row.state === "waiting" ? html`<p class="hint">${words.coded("crew.waiting", row.waiting)}${row.waiting === "other_person" ? ` ${row.by}` : ""}</p>` : nothing}
    ${
      row.state === "waiting" && row.waiting === "other_person" && crew.data.me?.accounts
        ? html`<div class="buttons">${decision(row, crew, "mine", words.say("crew.send_as_mine"))}</div>`
        : nothing
    }
    ${row.state === "conflict" ? conflict(row, crew) : nothing}
    ${row.state === "refused" ? refused(row, crew) : nothing}
  </div>`;
}

function decision(row: OutboxRow, crew: Crew, wish: Decision, text: string, isFirst = false): TemplateResult {
  return html`<button
    type="button"
    class=${isFirst ? "primary" : ""}
    data-decide=${wish}
    @click=${() => {
      if (wish === "discard" && !window.confirm(crew.words.say("crew.really_discard"))) return;
      const words = wish === "mine" ? crew.name : reportWords(row, crew);
      if (!crew.outbox) return;
      void decide(crew.outbox, row.id, wish, words).then(crew.sendNow, () => {
        crew.tell(crew.words.say("crew.not_decided")); // a full disk: nothing has changed
      });
    }}
  >
    ${text}
  </button>`;
}

/** The report beside what changed meanwhile; the person decides. */
function conflict(row: OutboxRow, crew: Crew): TemplateResult {
  const { words } = crew;
  const { now } = row;
  const ends = now?.state === "closed" || now?.state === "repaired";
  return html`<div class="beside">
      <dl class="facts">
        <div>
          <dt>${words.say("crew.you_reported")}</dt>
          <dd>${reportWords(row, crew)}</dd>
        </div>
        <div>
          <dt>${words.say("crew.now_is")}</dt>
          <dd>
            ${
              now
                ? html`${words.coded("crew.state", now.state)}${now.assignee ? ` · ${now.assignee}` : ""} ·
                  ${momentText(now.updated_at, crew)}`
                : row.reason
            }
          </dd>
        </div>
      </dl>
      ${changesSince(row, crew)}
      <p class="hint">${row.reason}</p>
    </div>
    <div class="buttons">
      ${ends && row.body?.action !== "reopen" ? nothing : decision(row, crew, "again", words.say("crew.send_again"), true)}
      ${decision(row, crew, "note", words.say("crew.as_comment"), ends)}
      ${decision(row, crew, "discard", words.say("crew.discard"))}
    </div>`;
}

/** What others did to the fault since the person saw it, where the phone has its timeline. */
function changesSince(row: OutboxRow, crew: Crew): TemplateResult | typeof nothing {
  const seen = row.ifVersion ?? row.seenVersion;
  crew.data.details.askFor(row.faultId, row.now?.version ?? seen + 1);
  const entries = crew.data.detail(row.faultId)?.timeline.filter(({ version }) => version > seen) ?? [];
  return entries.length === 0 ? nothing : timelineList(entries, crew);
}

function refused(row: OutboxRow, crew: Crew): TemplateResult {
  const { words } = crew;
  const isLost = row.reason === PHOTO_LOST;
  return html`<p class="hint">
      ${isLost ? words.say("crew.photo_lost") : words.say("crew.refused_because", { why: row.reason })}
    </p>
    <div class="buttons">
      ${isLost ? nothing : decision(row, crew, "again", words.say("crew.try_again"), true)}
      ${changesState(row) ? decision(row, crew, "note", words.say("crew.as_comment")) : nothing}
      ${decision(row, crew, "discard", words.say("crew.discard"))}
    </div>`;
}

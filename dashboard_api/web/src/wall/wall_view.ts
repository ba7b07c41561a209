/** What the wall says, as templates: few words, large, each state and severity with a mark of its own shape. */

import { html, type TemplateResult } from "lit-html";
import { lasting, type CityClock } from "../city/clock";
import { LAMP_STATES, lookOf, type BriefFault, type City, type LiveRoom } from "../city/types";
import { familyOf, isFresh, SEVERITIES, type Looks } from "../map/icons";
import { bulb, sign } from "../panel/sign";
import { bar, type Figures } from "../panel/summary";
import type { Words } from "../words/words";
import { fitting } from "./fitting";
import { energyTile, oldestTile, repairsTile } from "./wall_figures";
import { happening, say } from "./wall_words";

const N_ROWS = 5;
const N_EVENTS = 3;

/** What is known, and how it stands with the server. */
export interface Wall {
  words: Words;
  clock: CityClock;
  city: City | null;
  room: LiveRoom | null;
  looks: Looks;
  /** Seconds since the shown answer came, and since the server is out of reach (null: it is not). */
  ageS: number;
  lostS: number | null;
  /** The fault that the map is at; null = the whole city. */
  stopId: string | null;
  hasMap: boolean;
  /** The server's answers are not those of this build. */
  isOtherVersion: boolean;
}

export function where(fault: BriefFault): string {
  const place = fault.street ?? fault.cabinet_id ?? "";
  const district = fault.district && fault.district !== place ? fault.district : "";
  return [place, district].filter((part) => part !== "").join(", ");
}

/** Seconds since a fault's onset, by the city's clock. */
export function standsS(fault: BriefFault, clock: CityClock): number {
  const onset = Date.parse(fault.since ?? "");
  return (clock.nowMs() - (Number.isNaN(onset) ? Date.parse(fault.opened_at) : onset)) / 1000;
}

export function wallTemplate(wall: Wall): TemplateResult {
  const { room } = wall;
  return html`
    ${header(wall)}
    <section class="headline">
      ${room ? headline(wall, room) : html`<p class="quiet">${wall.words.say("connecting")}</p>`}
    </section>
    ${
      room
        ? html`<section class="tiles">
              ${energyTile(wall, room)} ${oldestTile(wall, room)} ${repairsTile(wall, room)}
            </section>
            <section class="faults">${urgency(wall, room)} ${worst(wall, room)} ${happened(wall, room)}</section>
            ${caption(wall, room)}`
        : ""
    }
  `;
}

function header({ words, clock, city, room, ageS, lostS, isOtherVersion }: Wall): TemplateResult {
  const nowMs = clock.nowMs();
  const look = city ? lookOf(city) : null;
  return html`<header>
    <h1 dir="auto">
      ${look?.logo ? html`<img class="logo" src=${look.logo} alt="" />` : ""}${look?.title ?? "Terang"}
    </h1>
    ${status(words, clock, room, ageS, lostS, isOtherVersion)}
    <p class="clock">
      ${city ? html`<span>${clock.day(nowMs, words.locale)}</span> <b>${clock.time(nowMs, words.locale)}</b> ${clock.zone()}` : ""}
    </p>
  </header>`;
}

/** Older readings than this are not "now": ingest writes every few seconds. */
const OLD_S = 120;

/** Whether what is shown of the lamps is not what they do now: their readings are old, or there are none. */
export function isOld(room: LiveRoom, ageS: number): boolean {
  const { live_age_s } = room.summary;
  return live_age_s == null || Math.abs(live_age_s) + ageS > OLD_S; // one of the future: a clock was set
}

function status(
  words: Words,
  clock: CityClock,
  room: LiveRoom | null,
  ageS: number,
  lostS: number | null,
  isOther: boolean,
): TemplateResult {
  if (lostS !== null) {
    const since = clock.time(clock.nowMs() - lostS * 1000, words.locale);
    const age = room ? say(words, "picture_age", { age: lasting(ageS, words.locale) }) : "";
    return html`<p class="status lost" role="status"><i></i><b>${say(words, "lost", { t: since })}</b> ${age}</p>`;
  }
  const dataS = room?.summary.live_age_s;
  const other = isOther ? ` · ${say(words, "other_version")}` : "";
  if (room && isOld(room, ageS)) {
    const text =
      dataS == null
        ? words.say("no_word_yet")
        : dataS < 0
          ? say(words, "readings_ahead", { age: lasting(-dataS, words.locale) })
          : say(words, "old_readings", { age: lasting(dataS + ageS, words.locale) });
    return html`<p class="status lost" role="status"><i></i><b>${text}</b>${other}</p>`;
  }
  return html`<p class="status" role="status"><i></i>${words.say(room ? "live" : "connecting")}${other}</p>`;
}

function headline({ words }: Wall, room: LiveRoom): TemplateResult {
  const figures: Figures = room.summary.lamps;
  const share = figures.lit_share;
  const counts = LAMP_STATES.map((state) => words.figure(figures[state] ?? 0, 0));
  const quiet = room.summary.lamps.total === 0 ? "no_lamps" : (figures.off ?? 0) > 0 ? "by_day" : "no_word_yet";
  return html`
    ${
      share === null
        ? html`<p class="quiet">${words.say(quiet)}</p>`
        : html`<p class="share"><b>${words.percent(share)}</b> <span>${words.say("lit_share")}</span></p>`
    }
    ${bar(figures)}
    <ul class="counts" style=${fitting(counts, 16, 4.2)}>
      ${LAMP_STATES.map(
        (state, n) =>
          html`<li class=${state} ?data-some=${(figures[state] ?? 0) > 0}>
            ${bulb(state)}<b>${counts[n]}</b> <span>${words.say(state)}</span>
          </li>`,
      )}
    </ul>
  `;
}

function urgency({ words }: Wall, room: LiveRoom): TemplateResult {
  const { open, by_severity } = room.summary.faults;
  const all = words.figure(open, 0);
  const counts = SEVERITIES.map((severity) => words.figure(by_severity[severity] ?? 0, 0));
  return html`<div class="urgency">
    <p class="open" style=${fitting([all], 20, 8.4)}><b>${all}</b> <span>${say(words, "open_faults")}</span></p>
    <ul style=${fitting(counts, 11, 4.2)}>
      ${SEVERITIES.map(
        (severity, n) =>
          html`<li class=${severity}>
            <span class="grade" aria-hidden="true"></span><b>${counts[n]}</b>
            <span>${words.say(severity)}</span>
          </li>`,
      )}
    </ul>
  </div>`;
}

function worst({ words, clock, looks, stopId }: Wall, room: LiveRoom): TemplateResult {
  if (room.worst.length === 0) return html`<p class="none">${say(words, "nothing_open")}</p>`;
  // the one that the map shows is always among them
  const shown = room.worst.slice(0, N_ROWS);
  const here = room.worst.find(({ id }) => id === stopId);
  if (here && !shown.includes(here)) shown.splice(-1, 1, here);
  return html`<ol class="worst">
    ${shown.map(
      (fault) =>
        html`<li class=${`${fault.severity} ${fault.id === stopId ? "here" : ""}`}>
          ${sign(familyOf(fault, looks), isFresh(fault.state))}
          <b dir="auto">${fault.title}</b>
          <span class="since">${lasting(standsS(fault, clock), words.locale, "short")}</span>
          <span class="where" dir="auto">${where(fault)}</span>
        </li>`,
    )}
  </ol>`;
}

function happened({ words, clock }: Wall, room: LiveRoom): TemplateResult {
  const kindOf = ({ kind, verified }: LiveRoom["events"][number]) =>
    kind === "closed" && verified ? "verified" : kind;
  return html`<div class="happened">
    <h2>${say(words, "happened")}</h2>
    ${room.events.length === 0 ? html`<p class="none">${say(words, "nothing_happened")}</p>` : ""}
    <ol>
      ${room.events.slice(0, N_EVENTS).map((event) => {
        const kind = kindOf(event);
        return html`<li class=${kind}>
          <time>${clock.time(Date.parse(event.at), words.locale)}</time>
          <span class="kind">${happening(words, kind)}</span>
          <span class="what" dir="auto"
            >${event.fault.title}, <bdi>${event.fault.street ?? event.fault.cabinet_id}</bdi></span
          >
        </li>`;
      })}
    </ol>
  </div>`;
}

/** What the map is at. */
function caption({ words, stopId, hasMap }: Wall, room: LiveRoom): TemplateResult {
  if (!hasMap) return html`<p class="caption">${words.say("no_map")}</p>`;
  const fault = room.worst.find(({ id }) => id === stopId);
  if (!fault) return html`<p class="caption">${say(words, "whole_city")}</p>`;
  const lamps = words.find(`wall.n_lamps.${fault.lamps === 1 ? "one" : "other"}`, { n: words.figure(fault.lamps, 0) });
  const parts = [where(fault), fault.lamps > 0 ? lamps : ""];
  return html`<p class=${`caption ${fault.severity}`}>
    <b dir="auto">${fault.title}</b> <span dir="auto">${parts.filter((part) => part !== "").join(" · ")}</span>
  </p>`;
}

/** In place of everything: this display may not read, so it shows nothing of the city. */
export function refusedTemplate(words: Words, hadToken: boolean): TemplateResult {
  return html`<section class="refused" role="alert">
    <p class="share">Terang</p>
    <p><b>${say(words, hadToken ? "refused" : "no_token")}</b></p>
    <p>${say(words, "refused_how")}</p>
    <p class="command" dir="ltr">/live#token=…</p>
  </section>`;
}

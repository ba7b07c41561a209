/** Puts the crew's page together: what is known, what waits to be sent, the views and the address. */

import { html, render } from "lit-html";
import { CityClock } from "../city/clock";
import type { CheckOutcome, Fault } from "../city/types";
import { placeOf, type Crew } from "./crew";
import { CrewData } from "./crew_data";
import { alarmTemplate, barTemplate, dressDocument, navTemplate } from "./crew_frame";
import { addressOf, hasBack, isOver, NO_THING, routeOf, type CrewRoute } from "./crew_route";
import type { CrewWords } from "./crew_words";
import type { CrewDatabase, Draft } from "./database";
import { deviceClock } from "./device_clock";
import { KeptAnswers } from "./kept_answers";
import { ListView } from "./list_view";
import { reloadIfNew } from "./new_build";
import { Notice, tellOtherVersion } from "./notice";
import { keepReport } from "./keep_report";
import type { Outbox } from "./outbox";
import type { ActionBody, OutboxRow } from "./outbox_row";
import { drawn } from "./drawn";
import { Focus } from "./focus";
import { Position } from "./position";
import { rememberedName, rememberName } from "./remembered_name";
import { keepFresh } from "./refresh_times";
import type { LateViews } from "./late_views";
import { Sender } from "./sender";
import { sharedOutbox } from "./shared_outbox";
import { followSteps } from "./steps";
import { StorageMark } from "./storage_mark";
import type { Report } from "./transport";
import { isMine, openReports, workRows, type WorkRow } from "./work_list";

const CHUNK_RETRY_MS = 3_000;

export class CrewApp implements Crew {
  readonly words: CrewWords;
  readonly clock = new CityClock();
  readonly data: CrewData;
  readonly database: CrewDatabase | null;
  readonly outbox: Outbox | null;
  readonly position: Position;
  route: CrewRoute;
  #address = new URL(location.href);
  rows: readonly OutboxRow[] = [];
  reports: ReadonlyMap<string, OutboxRow[]> = new Map();
  readonly #bar = document.createElement("header");
  readonly #main = document.createElement("main");
  readonly #nav = document.createElement("nav");
  readonly #notice = new Notice();
  readonly #sender: Sender | null;
  readonly #list: ListView;
  readonly #focus = new Focus(this.#main);
  #late: LateViews | null = null;
  #isLoadingLate = false;
  #rememberedName = rememberedName();
  #mark: StorageMark | null = null;
  #nLost: number | null = null;
  #isDrawing = false;
  #isTimeAsked = false;
  #nSteps = 0;
  #listTop = 0;
  #shownKey = "";
  #shownRows: WorkRow[] = [];

  constructor(body: HTMLElement, words: CrewWords, database: CrewDatabase | null) {
    this.words = words;
    this.database = database;
    this.data = new CrewData(new KeptAnswers(database), this.clock, words.words, this.redraw);
    this.data.onTime = this.#beginSending;
    this.position = new Position(this.redraw);
    const { data } = this;
    const clock = deviceClock(
      () => (data.isTimeKnown ? this.clock.nowMs() : null),
      () => data.toldMs,
    );
    this.outbox = database && sharedOutbox(database, clock, this.#changed);
    this.#sender = this.outbox && new Sender(this.outbox, this.#changed);
    this.route = routeOf(this.#address);
    this.#main.id = "panel";
    body.replaceChildren(this.#bar, this.#main, this.#notice.element, this.#nav);
    this.#list = new ListView(this, this.#main);
  }

  /** Who is signed in; null where the city has no accounts, or nobody could be asked yet. */
  get #account(): string | null {
    return this.data.me?.accounts ? this.data.me.name : null;
  }

  get name(): string {
    return this.#account ?? this.#rememberedName;
  }

  setName(name: string): void {
    this.#rememberedName = name;
    rememberName(name);
    this.redraw();
  }

  async start(): Promise<void> {
    tellOtherVersion(this);
    followSteps(this);
    this.words.words.onChange(this.redraw);
    window.addEventListener("popstate", () => {
      this.#nSteps = Math.max(0, this.#nSteps - 1);
      this.#address = new URL(location.href);
      this.#show(routeOf(this.#address));
    });
    this.#show(this.route);
    this.#draw();
    void this.position.resume();
    // a storage that fails now is no reason not to show what the server has
    await Promise.allSettled([this.data.recall(), this.#openMark(), this.#readRows()]);
    if (this.data.isLoaded) void this.#loadLate(); // the page was here before: its files are too
    void this.#refresh().then(() => this.#afterFirst());
    keepFresh(() => void this.#refresh(), this.redraw, this.data.lose);
  }

  /** The other views; without a network and without the page's own files they come later. */
  async #loadLate(): Promise<void> {
    if (this.#late || this.#isLoadingLate) return;
    this.#isLoadingLate = true;
    try {
      const { LateViews } = await import("./late_views");
      this.#late = new LateViews(this);
      this.#late.show(this.route);
    } catch {
      window.setTimeout(() => void this.#loadLate(), CHUNK_RETRY_MS);
      void reloadIfNew();
    } finally {
      this.#isLoadingLate = false;
    }
    this.redraw();
  }

  /** What may compete with nothing: the other languages, and the page's files for the days without a network. */
  async #afterFirst(): Promise<void> {
    await drawn();
    void this.#loadLate();
    void this.words
      .loadOthers()
      .then(() => {
        if (this.data.city) this.words.words.setCityLanguage(this.data.city.language);
        this.redraw();
      })
      .catch(() => undefined);
    if (!("serviceWorker" in navigator && import.meta.env.PROD)) return;
    const worker = navigator.serviceWorker.register("/crew-worker.js", { scope: "/crew" });
    worker.then(async () => (await import("./decoder_ahead")).fetchDecoder()).catch(() => undefined);
  }

  async #openMark(): Promise<void> {
    if (!this.database) return;
    const { mark, nLost } = await StorageMark.open(this.database);
    this.#mark = mark;
    this.#nLost = nLost;
    this.redraw();
  }

  async #refresh(): Promise<void> {
    await this.data.refresh();
    await this.#readRows(); // the service worker may have sent some
    this.#beginSending(); // whatever was wrong with the lists
    if (this.data.trouble !== null) return;
    const mine = this.data.faults().filter((fault) => isMine(fault, this.name, this.reports.get(fault.id) ?? []));
    await this.data.keepDetails(mine);
  }

  /** The server has told a fault as it is after a report: what is shown of it is asked for anew. */
  take(fault: Fault): void {
    this.data.take(fault);
    if (this.data.detail(fault.id)) void this.data.askDetail(fault.id);
  }

  /** By this window or another one, which may have sent what this one had in mind. */
  readonly #changed = (fault?: Fault | null): void => {
    if (fault) this.take(fault);
    void this.#readRows();
  };

  async #readRows(): Promise<void> {
    if (!this.outbox) return;
    // null: the storage was cleared under this page, which the next one says
    const rows = await this.outbox.rows().catch(() => null);
    if (!rows) return;
    this.rows = rows;
    this.reports = openReports(this.rows);
    this.#mark?.count(this.rows);
    this.redraw();
  }

  async report(fault: Fault, bodies: readonly ActionBody[], draft?: Draft | null): Promise<boolean> {
    const about: Report = { fault, place: placeOf(fault, this), by: this.name };
    const isDone = await keepReport(this, {
      add: (outbox) => outbox.add(draft === undefined ? about : { ...about, draft }, ...bodies),
      atOnce: async () => (await import("./send_at_once")).actAtOnce(fault, bodies),
    });
    await this.#readRows(); // what comes next is judged by it
    return isDone;
  }

  answerCheck(number: string, outcome: CheckOutcome, place: string): Promise<boolean> {
    return keepReport(this, {
      add: (outbox) => outbox.addCheck(number, outcome, this.name, place),
      atOnce: async () => (await import("./send_at_once")).checkAtOnce(number, outcome),
    });
  }

  readonly sendNow = (): void => {
    if (this.#isTimeAsked) this.#sender?.now();
  };

  /** Reports are dated by the server's time: they wait until it was asked for. */
  readonly #beginSending = (): void => {
    this.#isTimeAsked = true;
    this.sendNow();
  };

  tell(text: string): void {
    this.#notice.tell(text);
  }

  shown(): WorkRow[] {
    const { order, who, district, code, text } = this.route;
    const { here } = this.position;
    const known = [this.data.revision, this.name, here, this.words.words.language];
    const key = JSON.stringify([order, who, district, code, text, known, this.rows.map((row) => [row.id, row.state])]);
    if (key !== this.#shownKey) {
      this.#shownKey = key;
      const titleOf = (one: string) => this.words.words.title(one);
      const about = { name: this.name, here, reports: this.reports, titleOf };
      this.#shownRows = workRows(this.data.faults(), this.route, about);
    }
    return this.#shownRows;
  }

  go(part: Partial<CrewRoute>): void {
    const isView = "view" in part && !("fault" in part || "lamp" in part || "cabinet" in part);
    const route = { ...this.route, ...(isView ? NO_THING : {}), ...part };
    const address = addressOf(route, this.#address);
    // a filter is no step that a person goes back over
    const isStep = ["view", "fault", "lamp", "cabinet"].some((name) => name in part);
    if (isStep) {
      this.#nSteps += 1;
      history.pushState(null, "", address);
    } else history.replaceState(null, "", address);
    this.#address = new URL(location.href);
    this.#show(route);
  }

  hrefOf(part: Partial<CrewRoute>): string {
    return addressOf({ ...this.route, ...part }, this.#address);
  }

  back(): void {
    if (this.#nSteps > 0) history.back();
    else this.go({ ...NO_THING, view: hasBack({ ...this.route, ...NO_THING }) ? "work" : this.route.view });
  }

  #show(route: CrewRoute): void {
    const wasList = !isOver(this.route) && this.route.view === "work";
    if (wasList) this.#listTop = this.#main.scrollTop;
    const isMoved =
      isOver(route) !== isOver(this.route) || route.view !== this.route.view || route.fault !== this.route.fault;
    const isList = !isOver(route) && route.view === "work";
    const from = this.route.fault;
    this.route = route;
    this.#late?.show(route);
    if (!this.#late && (isOver(route) || route.view !== "work")) void this.#loadLate();
    this.#draw();
    if (!isMoved) return;
    this.#main.scrollTop = isList ? this.#listTop : 0;
    this.#focus.moved(isOver(route), from);
    this.#draw(); // which rows of a list are in sight is known only now
  }

  readonly redraw = (): void => {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  };

  #draw(): void {
    const { route, words } = this;
    dressDocument(this);
    render(barTemplate(this), this.#bar);
    const isList = !isOver(route) && route.view === "work";
    const view = isList ? this.#list : this.#late?.of(route);
    const alarms = alarmTemplate(this, this.#nLost, () => {
      this.#nLost = null;
      this.redraw();
    });
    this.#focus.around(() => {
      render(html`${alarms}${view?.template() ?? words.say("crew.loading")}`, this.#main);
    });
    render(navTemplate(this), this.#nav);
  }
}

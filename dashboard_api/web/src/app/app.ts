/** Puts the page together: the views and their router, what is known of the city, the connection, the map. */

import { render } from "lit-html";
import { isExpected } from "../city/api";
import { CityClock } from "../city/clock";
import { LiveFeed } from "../city/events";
import { FaultStore } from "../city/fault_store";
import type { FirstAnswers } from "../city/first_answers";
import type { Fault, LampChanges } from "../city/types";
import { SEVERITY_COLOUR } from "../map/icons";
import { FaultList } from "../panel/fault_list";
import { barTemplate, legendTemplate } from "../panel/frame";
import type { Page, View } from "../panel/page";
import { isNarrow, Sheet } from "../panel/sheet";
import { overview } from "../panel/summary";
import type { Words } from "../words/words";
import { CityModel } from "./city_model";
import { Details, type Detail } from "./details";
import { keepFiles } from "./keep_files";
import { focusList, listenToKeys } from "./keys";
import { Link } from "./link";
import { linkWords } from "./link_words";
import { MapLoader } from "./map_loader";
import { Router, type Route } from "./router";
import { shell, type Shell } from "./shell";
import { sayOtherVersion } from "./other_version";

const SUMMARY_EVERY_MS = 20_000;
const CABINETS_EVERY_MS = 300_000;
const CHUNK_RETRY_MS = 3_000;
const AGES_EVERY_MS = 30_000;
const MAP_AFTER_MS = 300; // the list first

export class App {
  readonly #shell: Shell;
  readonly #words: Words;
  readonly #clock = new CityClock();
  readonly #faults = new FaultStore();
  readonly #model: CityModel;
  readonly #maps: MapLoader;
  readonly #details: Details;
  readonly #page: Page;
  readonly #list: FaultList;
  readonly #router: Router;
  readonly #link: Link;
  readonly #sheet: Sheet;
  #view: View;
  #dataAtMs: number | null = null;
  /** Whether the list shows what the document carried: what happened since then is asked for. */
  #isFirst = false;
  #wasLost = false;
  #isDrawing = false;
  #isDrawn = false; // the legend comes with the second drawing: nobody waits for it

  constructor(body: HTMLElement, words: Words, answers: FirstAnswers) {
    this.#words = words;
    this.#shell = shell(body);
    sayOtherVersion(this.#shell.panel, words);
    const model = new CityModel(this.#clock, this.#words, () => {
      this.#redraw();
    });
    this.#model = model;
    model.takeFirst(answers);
    this.#isFirst = this.#faults.takeFirst(answers);
    this.#page = {
      words: this.#words,
      clock: this.#clock,
      faults: this.#faults,
      cabinets: model.cabinets,
      get looks() {
        return model.looks;
      },
      get city() {
        return model.city;
      },
      get summary() {
        return model.summary;
      },
      get me() {
        return model.me;
      },
      go: (route) => {
        this.#router.go(route);
      },
      up: () => {
        this.#router.up();
      },
      redraw: () => {
        this.#redraw();
      },
      showPlace: (place, fault) => {
        this.#maps.select(place, fault);
      },
    };
    this.#details = new Details(this.#page);
    this.#maps = new MapLoader(this.#shell.map, this.#page, () => {
      this.#shell.noMap(this.#words.say("no_map"));
    });
    this.#list = new FaultList(this.#page, (filter) => this.#maps.map?.filterFaults(filter));
    this.#view = this.#list;
    this.#sheet = new Sheet(this.#shell.panel, this.#shell.handle, () => {
      this.#maps.setCovered(this.#covered);
    });
    this.#router = new Router((route, before) => void this.#open(route, before));
    this.#link = new Link({
      onAnswer: (changes) => {
        this.#answered(changes);
      },
      onTurn: () => {
        this.#turned();
      },
    });
  }

  start(): void {
    this.#words.onChange(() => {
      this.#draw();
    });
    this.#faults.onChange((change, fault) => {
      this.#faultChanged(change, fault);
    });
    listenToKeys(this.#router, this.#shell.content);
    this.#router.start(); // which draws the list
    if (this.#router.route.view !== "list") this.#draw();
    if (!this.#isFirst) void this.#load();
    // what follows waits until the first list is on the screen
    requestAnimationFrame(() => {
      window.setTimeout(() => {
        this.#connect();
      });
    });
  }

  #connect(): void {
    this.#link.start();
    new LiveFeed({
      onFault: (event) => {
        this.#faults.hear(event);
      },
      onRunning: (isBack) => {
        this.#link.feedRuns();
        if (isBack || this.#isFirst) void this.#load();
        this.#isFirst = false;
      },
      onLost: (sinceMs) => {
        this.#link.feedLost(sinceMs);
      },
    }).start();
    this.#every(SUMMARY_EVERY_MS, () => this.#model.askSummary());
    this.#every(CABINETS_EVERY_MS, () => this.#model.askCabinets());
    this.#every(AGES_EVERY_MS, () => {
      this.#redraw();
      return Promise.resolve();
    });
    window.setTimeout(
      () => {
        this.#openMap();
      },
      MAP_AFTER_MS + (isNarrow() ? 700 : 0),
    );
  }

  /** Ask for everything that the list shows; what fails is asked again when the server answers. */
  async #load(): Promise<void> {
    void this.#model.askCity();
    void this.#model.askSummary();
    if (this.#model.looks.size === 0) void this.#model.askCodes();
    try {
      const { atMs } = await this.#faults.ask(this.#list.question, this.#list.filter.state === "closed");
      this.#dataAtMs = atMs;
    } catch (error) {
      isExpected(error);
    }
    this.#redraw();
  }

  /** Work again and again while somebody looks. */
  #every(everyMs: number, work: () => Promise<void>): void {
    window.setInterval(() => {
      if (!document.hidden && this.#link.lostSinceMs === null) void work();
    }, everyMs);
  }

  #answered(changes: LampChanges | null): void {
    this.#dataAtMs = Date.now();
    if (!this.#faults.isLoaded || !this.#model.isComplete || this.#wasLost) {
      this.#wasLost = false;
      void this.#load();
      (this.#view as Partial<Detail>).retry?.();
    } else if (this.#view.isTroubled) (this.#view as Partial<Detail>).retry?.();
    if (!changes || (!changes.reload && changes.row.length === 0)) return;
    this.#maps.map?.showChanges(changes);
    this.#view.hearLamps?.();
    this.#model.summarySoon();
  }

  #turned(): void {
    if (this.#link.lostSinceMs !== null) this.#wasLost = true;
    document.body.classList.toggle("is-lost", this.#link.lostSinceMs !== null);
    this.#redraw();
  }

  #faultChanged(change: "opened" | "changed" | "closed" | "loaded", fault: Fault | null): void {
    this.#redraw();
    if (!fault) return;
    this.#view.hear?.(fault);
    this.#maps.map?.refreshFaults();
    if (fault.code === "controllerOffline") void this.#showOffline();
    this.#model.summarySoon();
    if (change === "changed") return;
    const { code, street, cabinet_id, longitude, latitude, severity } = fault;
    const what = `${this.#words.title(code)}, ${street ?? cabinet_id ?? ""}`;
    this.#shell.herald.textContent = this.#words.say(change === "opened" ? "new_fault" : "closed_fault", { what });
    if (longitude === null || latitude === null) return;
    this.#maps.map?.pulse([longitude, latitude], change === "opened" ? SEVERITY_COLOUR[severity] : "#fff4dc");
  }

  // --- views -----------------------------------------------------------------------------------------------------------

  async #open(route: Route, before: Route | null): Promise<void> {
    this.#view.leave();
    if (route.view === "list") {
      this.#view = this.#list;
      this.#maps.select(null);
      this.#draw();
      focusList(this.#shell.content, before);
      return;
    }
    if (isNarrow()) this.#sheet.set("half");
    const [detail] = await Promise.all([this.#details.get(route.view), this.#words.complete()]);
    const now = this.#router.route;
    if (now.view !== route.view || now.id !== route.id) return; // gone on meanwhile
    if (!detail) {
      window.setTimeout(() => void this.#open(route, before), CHUNK_RETRY_MS);
      return;
    }
    this.#view = detail;
    this.#shell.panel.scrollTop = 0;
    detail.show(route.id);
    this.#draw();
    if (before) this.#shell.content.querySelector<HTMLElement>(".detail")?.focus({ preventScroll: true });
    void this.#model.askQuantities().then(() => {
      this.#redraw();
    });
  }

  #redraw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { bar, over, legend, content } = this.#shell;
    this.#shell.say(this.#words);
    render(barTemplate(this.#page, linkWords(this.#page, this.#link, this.#dataAtMs)), bar);
    render(overview(this.#page), over);
    render(this.#view.template(), content);
    if (this.#isDrawn) render(legendTemplate(this.#page), legend);
    this.#isDrawn = true;
  }

  // --- the map ---------------------------------------------------------------------------------------------------------

  /** What lies over the map: on a phone the overview above and the sheet below. */
  get #covered(): { top: number; bottom: number } {
    return { top: isNarrow() ? 80 : 0, bottom: this.#sheet.coveredPx };
  }

  #openMap(): void {
    const { city } = this.#model;
    // the list first: a slow line gives the map what the list has left over
    if (!this.#faults.isLoaded || !city) {
      window.setTimeout(() => {
        this.#openMap();
      }, MAP_AFTER_MS);
      return;
    }
    this.#maps.setCovered(this.#covered);
    void this.#maps.open(city, this.#list.filter).then(() => {
      void this.#model.askCabinets();
      void this.#showOffline();
      void this.#model.askMe();
      void this.#words.complete();
      void this.#model.askCodes().then(() => {
        this.#maps.map?.showLooks(this.#model.looks);
      });
      keepFiles();
    });
  }

  async #showOffline(): Promise<void> {
    this.#maps.map?.showOffline(await this.#model.askOffline());
  }
}

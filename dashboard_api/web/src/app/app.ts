/** Puts the page together: the views and their router, what is known of the city, the connection, the map. */

import { render } from "lit-html";
import { isExpected } from "../city/api";
import { CityClock } from "../city/clock";
import { LiveFeed } from "../city/events";
import { FaultStore } from "../city/fault_store";
import type { Fault, LampChanges } from "../city/types";
import { SEVERITY_COLOUR } from "../map/icons";
import { FaultList } from "../panel/fault_list";
import { barTemplate, legendTemplate } from "../panel/frame";
import type { Page, View } from "../panel/page";
import { isNarrow, Sheet } from "../panel/sheet";
import { overview } from "../panel/summary";
import { CATALOGUES } from "../words/catalogues";
import { Words } from "../words/words";
import { CityModel } from "./city_model";
import { Details, type Detail } from "./details";
import { Link } from "./link";
import { MapLoader } from "./map_loader";
import { Router, type Route } from "./router";
import { shell, type Shell } from "./shell";

const SUMMARY_EVERY_MS = 20_000;
const CABINETS_EVERY_MS = 300_000;
const CHUNK_RETRY_MS = 3_000;
const AGES_EVERY_MS = 30_000;
const MAP_AFTER_MS = 300; // the list first

export class App {
  readonly #shell: Shell;
  readonly #words = new Words(CATALOGUES);
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
  #wasLost = false;
  #isDrawing = false;

  constructor(body: HTMLElement) {
    this.#shell = shell(body);
    const model = new CityModel(this.#clock, this.#words, () => {
      this.#redraw();
    });
    this.#model = model;
    this.#page = {
      words: this.#words,
      clock: this.#clock,
      faults: this.#faults,
      cabinets: model.cabinets,
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
    this.#maps.setCovered(this.#covered);
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
    document.addEventListener("keydown", (event) => {
      this.#key(event);
    });
    this.#router.start();
    this.#draw();
    void this.#load();
    this.#link.start();
    new LiveFeed({
      onFault: (event) => {
        this.#faults.hear(event);
      },
      onRunning: (isBack) => {
        this.#link.feedRuns();
        if (isBack) void this.#load();
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
    }
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
      this.#focusList(before);
      return;
    }
    if (isNarrow()) this.#sheet.set("half");
    const detail = await this.#details.get(route.view);
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

  /** Back in the list, the row that led away has the focus. */
  #focusList(before: Route | null): void {
    if (!before || before.view === "list") return;
    const row = this.#shell.content.querySelector<HTMLElement>(`[data-fault="${CSS.escape(before.id)}"]`);
    (row ?? this.#shell.content.querySelector<HTMLElement>("#faults"))?.focus();
  }

  #key(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.#router.route.view !== "list") this.#router.up();
    const { target } = event;
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (event.key !== "/" || isTyping) return;
    event.preventDefault();
    this.#router.go({ view: "list", id: "" });
    this.#shell.content.querySelector<HTMLInputElement>("input[type=search]")?.focus();
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
    render(barTemplate(this.#page, this.#linkWords()), bar);
    render(overview(this.#page), over);
    render(legendTemplate(this.#page), legend);
    render(this.#view.template(), content);
  }

  #linkWords(): { text: string; isLost: boolean } {
    const lostSinceMs = this.#link.lostSinceMs;
    if (lostSinceMs === null) {
      const isThere = this.#link.heardAtMs !== null;
      return { text: this.#words.say(isThere ? "live" : "connecting"), isLost: false };
    }
    const toCity = this.#clock.nowMs() - Date.now();
    const time = (ms: number) => this.#clock.time(ms + toCity, this.#words.locale);
    const parts = [this.#words.say("lost", { t: time(lostSinceMs) })];
    if (this.#dataAtMs !== null) parts.push(this.#words.say("data_of", { t: time(this.#dataAtMs) }));
    return { text: parts.join(" · "), isLost: true };
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
    void this.#maps.open(city, this.#list.filter).then(() => {
      void this.#model.askCabinets();
      void this.#model.askMe();
      this.#keepFiles();
    });
  }

  /** Keep the page's files for the next time, once they no longer compete with what is looked at. */
  #keepFiles(): void {
    if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
    void navigator.serviceWorker.register("/service-worker.js").catch(() => undefined);
  }
}

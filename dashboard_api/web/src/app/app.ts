/** Puts the page together: the views and their router, what is known of the city, the connection, the map. */

import { render } from "lit-html";
import { getKept, isExpected, Problem, Unreachable } from "../city/api";
import { CityClock } from "../city/clock";
import { LiveFeed } from "../city/events";
import { FaultStore } from "../city/fault_store";
import type { Cabinet, CabinetList, City, Fault, LampChanges, QuantityList, Summary } from "../city/types";
import { SEVERITY_COLOUR } from "../map/icons";
import type { NightMap } from "../map/night_map";
import { FaultList } from "../panel/fault_list";
import { barTemplate, legendTemplate } from "../panel/frame";
import type { Page, Place, View } from "../panel/page";
import { isNarrow, Sheet } from "../panel/sheet";
import { overview } from "../panel/summary";
import { EvidenceWords } from "../words/evidence_words";
import { Words } from "../words/words";
import { Link } from "./link";
import { Router, type Route, type ViewName } from "./router";
import { shell, type Shell } from "./shell";

const SUMMARY_EVERY_MS = 20_000;
const SUMMARY_AFTER_MS = 1_500; // events come in heaps
const CABINETS_EVERY_MS = 300_000;
const NAMED_UP_TO_LAMPS = 20_000;
const AGES_EVERY_MS = 30_000;
const MAP_AFTER_MS = 300; // the list first

/** A view that a chunk of its own brings. */
type Detail = View & { retry(): void };

export class App {
  readonly #shell: Shell;
  readonly #words = new Words();
  readonly #clock = new CityClock();
  readonly #faults = new FaultStore();
  readonly #cabinets = new Map<string, Cabinet>();
  readonly #details = new Map<ViewName, Detail>();
  readonly #page: Page;
  readonly #list: FaultList;
  readonly #router: Router;
  readonly #link: Link;
  readonly #sheet: Sheet;
  #city: City | null = null;
  #summary: Summary | null = null;
  #map: NightMap | null = null;
  #mapState: "none" | "loading" | "there" | "impossible" = "none";
  #view: View;
  #dataAtMs: number | null = null;
  #wasLost = false;
  #isDrawing = false;
  #summaryTimer = 0;
  #selected: { place: Place; fault: Fault | undefined } | null = null;

  constructor(body: HTMLElement) {
    this.#shell = shell(body);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the getters below are of another object
    const app = this;
    this.#page = {
      words: this.#words,
      clock: this.#clock,
      evidence: new EvidenceWords(this.#words, this.#clock),
      faults: this.#faults,
      cabinets: this.#cabinets,
      get city() {
        return app.#city;
      },
      get summary() {
        return app.#summary;
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
        this.#showPlace(place, fault);
      },
    };
    this.#list = new FaultList(this.#page, (filter) => this.#map?.filterFaults(filter));
    this.#view = this.#list;
    this.#sheet = new Sheet(this.#shell.panel, this.#shell.handle, () => {
      this.#map?.setCovered(this.#covered);
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
    this.#every(SUMMARY_EVERY_MS, () => this.#askSummary());
    this.#every(CABINETS_EVERY_MS, () => this.#askCabinets());
    this.#every(AGES_EVERY_MS, () => {
      this.#redraw();
      return Promise.resolve();
    });
    window.setTimeout(() => void this.#openMap(), MAP_AFTER_MS + (isNarrow() ? 700 : 0));
  }

  // --- what is known of the city -------------------------------------------------------------------------------------

  /** Ask for everything that the list shows; what fails is asked again when the server answers. */
  async #load(): Promise<void> {
    const city = getKept<City>("/city").then(({ value, keptAtMs }) => {
      this.#city = value;
      this.#clock.set(value, keptAtMs);
      this.#words.setCityLanguage(value.language);
      document.title = `${value.name} · Terang`;
      this.#redraw();
    });
    const faults = this.#faults.ask(this.#list.question, this.#list.filter.state === "closed").then(({ atMs }) => {
      this.#dataAtMs = atMs;
    });
    const answers = await Promise.allSettled([faults, city, this.#askSummary()]);
    for (const answer of answers) if (answer.status === "rejected") isExpected(answer.reason);
    this.#redraw();
  }

  async #askSummary(): Promise<void> {
    try {
      this.#summary = (await getKept<Summary>("/summary")).value;
    } catch (error) {
      isExpected(error);
    }
    this.#redraw();
  }

  /** Names of cabinets, in a city where they are few; in a large one the map's tiles and the views name them. */
  async #askCabinets(): Promise<void> {
    if ((this.#city?.lamps ?? 0) > NAMED_UP_TO_LAMPS) return;
    try {
      const { items } = await getKept<CabinetList>("/cabinets").then(({ value }) => value);
      for (const cabinet of items) this.#cabinets.set(cabinet.cabinet_id, cabinet);
    } catch (error) {
      isExpected(error);
    }
    this.#redraw();
  }

  async #askQuantities(): Promise<void> {
    if (this.#words.quantities().length > 0) return;
    try {
      this.#words.setQuantities((await getKept<QuantityList>("/quantities")).value.items);
    } catch (error) {
      isExpected(error);
    }
  }

  /** Work again and again while somebody looks. */
  #every(everyMs: number, work: () => Promise<void>): void {
    window.setInterval(() => {
      if (!document.hidden && this.#link.lostSinceMs === null) void work();
    }, everyMs);
  }

  #answered(changes: LampChanges | null): void {
    this.#dataAtMs = Date.now();
    if (!this.#faults.isLoaded || !this.#city || !this.#summary || this.#wasLost) {
      this.#wasLost = false;
      void this.#load();
      (this.#view as Partial<Detail>).retry?.();
    }
    if (!changes || (!changes.reload && changes.row.length === 0)) return;
    this.#map?.showChanges(changes);
    this.#view.hearLamps?.();
    this.#summarySoon();
  }

  #turned(): void {
    if (this.#link.lostSinceMs !== null) this.#wasLost = true;
    document.body.classList.toggle("is-lost", this.#link.lostSinceMs !== null);
    this.#redraw();
  }

  #summarySoon(): void {
    if (this.#summaryTimer) return;
    this.#summaryTimer = window.setTimeout(() => {
      this.#summaryTimer = 0;
      void this.#askSummary();
    }, SUMMARY_AFTER_MS);
  }

  #faultChanged(change: "opened" | "changed" | "closed" | "loaded", fault: Fault | null): void {
    this.#redraw();
    if (!fault) return;
    this.#view.hear?.(fault);
    this.#map?.refreshFaults();
    this.#summarySoon();
    if (change === "changed") return;
    const { code, street, cabinet_id, longitude, latitude, severity } = fault;
    const what = `${this.#words.title(code)}, ${street ?? cabinet_id ?? ""}`;
    this.#shell.herald.textContent = this.#words.say(change === "opened" ? "new_fault" : "closed_fault", { what });
    if (longitude === null || latitude === null) return;
    this.#map?.pulse([longitude, latitude], change === "opened" ? SEVERITY_COLOUR[severity] : "#fff4dc");
  }

  // --- views -----------------------------------------------------------------------------------------------------------

  async #open(route: Route, before: Route | null): Promise<void> {
    this.#view.leave();
    if (route.view === "list") {
      this.#view = this.#list;
      this.#showPlace(null);
      this.#draw();
      this.#focusList(before);
      return;
    }
    if (isNarrow()) this.#sheet.set("half");
    const detail = await this.#detail(route.view);
    const now = this.#router.route;
    if (now.view !== route.view || now.id !== route.id || !detail) return; // gone on meanwhile
    this.#view = detail;
    this.#shell.panel.scrollTop = 0;
    detail.show(route.id);
    this.#draw();
    if (before) this.#shell.content.querySelector<HTMLElement>(".detail")?.focus({ preventScroll: true });
    void this.#askQuantities().then(() => {
      this.#redraw();
    });
  }

  async #detail(name: Exclude<ViewName, "list">): Promise<Detail | null> {
    const known = this.#details.get(name);
    if (known) return known;
    try {
      const made = await this.#make(name);
      this.#details.set(name, made);
      return made;
    } catch {
      // the chunk did not come: asked again as soon as the server answers
      window.setTimeout(() => {
        const { route } = this.#router;
        if (route.view === name && !this.#details.has(name)) void this.#open(route, null);
      }, 3_000);
      return null;
    }
  }

  async #make(name: Exclude<ViewName, "list">): Promise<Detail> {
    if (name === "fault") return new (await import("../panel/fault_view")).FaultView(this.#page);
    if (name === "lamp") return new (await import("../panel/lamp_view")).LampView(this.#page);
    return new (await import("../panel/cabinet_view")).CabinetView(this.#page);
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

  // --- drawing ---------------------------------------------------------------------------------------------------------

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

  #showPlace(place: Place | null, fault?: Fault): void {
    this.#selected = place ? { place, fault } : null;
    this.#map?.select(place, fault);
  }

  async #openMap(): Promise<void> {
    if (this.#mapState !== "none") return;
    // the list first: a slow line gives the map what the list has left over
    if (!this.#faults.isLoaded || !this.#city) {
      window.setTimeout(() => void this.#openMap(), MAP_AFTER_MS);
      return;
    }
    this.#mapState = "loading";
    try {
      const { NightMap } = await import("../map/night_map");
      this.#map = new NightMap(this.#shell.map, this.#city, this.#page);
      this.#map.setCovered(this.#covered);
      this.#map.filterFaults(this.#list.filter);
      if (this.#selected) this.#map.select(this.#selected.place, this.#selected.fault);
      this.#mapState = "there";
      void this.#askCabinets();
    } catch (error) {
      const isMissing = error instanceof TypeError || error instanceof Unreachable || error instanceof Problem;
      this.#mapState = isMissing ? "none" : "impossible";
      if (isMissing)
        window.setTimeout(() => void this.#openMap(), 10_000); // its chunk did not come
      else this.#shell.noMap(this.#words.say("no_map")); // no WebGL: the list is whole without it
    }
    this.#keepFiles();
  }

  /** Keep the page's files for the next time, once they no longer compete with what is looked at. */
  #keepFiles(): void {
    if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
    void navigator.serviceWorker.register("/service-worker.js").catch(() => undefined);
  }
}

/** Puts the wall together: what it knows, what it draws, and the map that travels. Keeps one answer, never a history. */

import { render } from "lit-html";
import { isExpected } from "../city/api";
import { CityClock } from "../city/clock";
import { lookOf, type City, type CodeList, type Fault, type LiveRoom, type OwnWords } from "../city/types";
import { OTHER_VERSION } from "../city/whole";
import type { Looks } from "../map/icons";
import type { Words } from "../words/words";
import { moveSlowly } from "./burn_in";
import { signIn } from "./display_token";
import { buildOf, NewBuild } from "./new_build";
import { read } from "./read";
import { Line } from "./line";
import { askRoom, AT_ONCE, RoomLink } from "./room_link";
import { nextStop, stopsOf } from "./stops";
import type { WallMap } from "./wall_map";
import { isOld, refusedTemplate, wallTemplate } from "./wall_view";

const CITY_EVERY_MS = 600_000;
const STOP_MS = 18_000;
const DRAW_EVERY_MS = 1_000;
const TILES_EVERY_MS = 20_000;
const AGAIN_MS = 2_000;
const OTHERS_AT_ONCE = 4;

export class WallApp {
  readonly #board: HTMLElement;
  readonly #mapHolder: HTMLElement;
  readonly #words: Words;
  readonly #clock = new CityClock();
  readonly #ownBuild = buildOf(document);
  readonly #newBuild = new NewBuild(this.#ownBuild);
  readonly #isLanguageAsked: boolean;
  readonly #link: RoomLink;
  readonly #line = new Line(OTHERS_AT_ONCE); // of all but the one question that is asked again and again
  #token: string | null;
  #hadToken: boolean;
  #city: City | null = null;
  #looks: Looks = new Map();
  #room: LiveRoom | null = null;
  #roomAtMs = 0; // of the clock that only goes forward, as all that follow
  #lostAtMs: number | null = null;
  #isRefused = false;
  #isComingIn = false;
  #map: WallMap | null = null;
  #hasMap = true;
  #isOtherVersion = false;
  #stopId: string | null = null;
  #tilesMark = "";
  #tilesAtMs = 0;

  constructor(body: HTMLElement, words: Words, token: string | null, isLanguageAsked: boolean) {
    this.#words = words;
    this.#token = token;
    this.#hadToken = token !== null;
    this.#isLanguageAsked = isLanguageAsked;
    this.#mapHolder = document.createElement("div");
    this.#mapHolder.id = "map";
    this.#mapHolder.setAttribute("aria-hidden", "true"); // all that it shows stands in words beside it
    this.#board = document.createElement("main");
    this.#board.id = "board";
    body.replaceChildren(this.#mapHolder, this.#board);
    const line = new Line(AT_ONCE);
    this.#link = new RoomLink(() => askRoom(line, document.documentElement.lang), {
      onRoom: (room) => {
        this.#heard(room);
      },
      onLost: () => {
        this.#lostAtMs ??= performance.now();
        this.#line.cut();
        this.#draw();
      },
      onRefused: () => {
        this.#refused();
      },
    });
  }

  start(): void {
    const heard = () => {
      this.#isOtherVersion = true;
    };
    window.addEventListener(OTHER_VERSION, heard, { once: true });
    this.#words.onChange(() => {
      this.#draw();
    });
    this.#draw();
    moveSlowly(this.#board);
    window.setInterval(() => {
      this.#draw();
    }, DRAW_EVERY_MS);
    window.setInterval(() => {
      this.#travel();
    }, STOP_MS);
    window.setInterval(() => void this.#askCity(), CITY_EVERY_MS);
    keepAwake();
    void this.#askCity();
    void this.#comeIn().then(() => {
      this.#link.start();
    });
  }

  /** Use another token from now on: the one before may have ended. */
  takeToken(token: string | null): void {
    if (token === null) return;
    this.#token = token;
    this.#hadToken = true;
    if (!this.#isComingIn) void this.#comeIn().then(() => this.#link.turn());
  }

  /** Exchange the token for a cookie, however long the server takes to be there. */
  async #comeIn(): Promise<void> {
    this.#isComingIn = true;
    for (;;) {
      const token = this.#token;
      const result = await signIn(token);
      if (result === "unreachable") {
        this.#lostAtMs ??= performance.now();
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      } else if (token === this.#token) {
        this.#isComingIn = false;
        this.#token = null;
        if (result === "refused") this.#refused();
        return;
      }
    }
  }

  #read<T>(path: string): Promise<T> {
    return read<T>(this.#line, path);
  }

  async #askCity(): Promise<void> {
    try {
      const [city, codes] = await Promise.all([this.#read<City>("/city"), this.#read<CodeList>("/codes")]);
      if (this.#room === null) this.#clock.set(city, Date.now());
      this.#city = city;
      this.#looks = new Map(codes.items.map(({ code, family, darkens }) => [code, { family, darkens }]));
      if (!this.#isLanguageAsked) this.#words.use(city.language);
      const look = lookOf(city);
      document.title = `${look.title} · Terang`;
      document.documentElement.style.setProperty("--accent", look.accent ?? "transparent");
      void this.#askOwnWords(city);
    } catch (error) {
      isExpected(error);
      if (this.#city === null) window.setTimeout(() => void this.#askCity(), AGAIN_MS);
    }
    this.#draw();
  }

  /** The city's own words in the language that is shown, once. */
  async #askOwnWords({ own_words }: Partial<City>): Promise<void> {
    const { language, hasOwn } = this.#words;
    if (hasOwn || !own_words?.includes(language)) return;
    try {
      const { messages } = await this.#read<OwnWords>(`/words/${language}`);
      this.#words.setOwn(language, messages);
    } catch (error) {
      isExpected(error); // asked again with the city
    }
  }

  #heard(room: LiveRoom): void {
    const isFirst = this.#room === null;
    this.#room = room;
    this.#roomAtMs = performance.now();
    this.#line.mend();
    if (this.#lostAtMs !== null) {
      this.#lostAtMs = null;
      this.#tilesMark = ""; // those that were under way did not come
      this.#tilesAtMs = -TILES_EVERY_MS;
      if (!this.#city) void this.#askCity();
    }
    this.#isRefused = false;
    if (this.#city) this.#clock.set({ ...this.#city, now: room.now }, Date.now());
    void this.#newBuild.hear(room.page);
    if (isFirst) void this.#openMap();
    this.#renewTiles(room.mark);
    this.#draw();
  }

  #refused(): void {
    this.#isRefused = true;
    this.#hadToken ||= this.#room !== null;
    this.#lostAtMs = null;
    this.#line.mend();
    this.#room = null; // the right to it is gone
    this.#draw();
  }

  // --- the map ---------------------------------------------------------------------------------------------------------

  async #openMap(): Promise<void> {
    if (this.#map || !this.#hasMap) return;
    if (!this.#city) {
      window.setTimeout(() => void this.#openMap(), AGAIN_MS);
      return;
    }
    let chunk: typeof import("./wall_map");
    try {
      chunk = await import("./wall_map");
    } catch {
      window.setTimeout(() => void this.#openMap(), AGAIN_MS);
      return;
    }
    try {
      this.#map = new chunk.WallMap(this.#mapHolder, this.#city, this.#looks, this.#line, () => {
        this.#map?.remove();
        this.#map = null;
        void this.#openMap();
      });
      this.#tilesMark = "";
    } catch {
      this.#hasMap = false; // no WebGL: all that is worst stands in words
    }
    this.#draw();
  }

  /** On to the next of the worst places, and out to the whole city after the last one. */
  #travel(): void {
    if (!this.#room || !this.#map || this.#lostAtMs !== null) return;
    const stop = nextStop(stopsOf(this.#room.worst), this.#stopId);
    if (stop === null && this.#stopId === null) return; // nothing is wrong anywhere
    this.#stopId = stop?.fault.id ?? null;
    this.#map.show(stop);
    if (stop?.fault.level === "circuit") void this.#showLines(stop.fault.id);
    this.#draw();
  }

  async #showLines(id: string): Promise<void> {
    try {
      const fault = await this.#read<Fault>(`/faults/${id}`);
      if (this.#stopId === id) this.#map?.showLines(fault);
    } catch (error) {
      isExpected(error); // the map shows the place without them
    }
  }

  /** Load the map's tiles anew where something has changed, but not at every change. */
  #renewTiles(mark: string): void {
    const nowMs = performance.now();
    if (!this.#map || mark === this.#tilesMark || nowMs - this.#tilesAtMs < TILES_EVERY_MS) return;
    this.#tilesMark = mark;
    this.#tilesAtMs = nowMs;
    this.#map.refresh();
  }

  // --- drawing ---------------------------------------------------------------------------------------------------------

  #draw(): void {
    document.body.classList.toggle("is-refused", this.#isRefused);
    document.body.classList.toggle("is-lost", this.#lostAtMs !== null);
    const ageS = (performance.now() - this.#roomAtMs) / 1000;
    document.body.classList.toggle("is-old", this.#room !== null && isOld(this.#room, ageS));
    if (this.#isRefused) {
      render(refusedTemplate(this.#words, this.#hadToken), this.#board);
      return;
    }
    const nowMs = performance.now();
    const wall = {
      words: this.#words,
      clock: this.#clock,
      city: this.#city,
      room: this.#room,
      looks: this.#looks,
      ageS,
      lostS: this.#lostAtMs === null ? null : (nowMs - this.#lostAtMs) / 1000,
      stopId: this.#stopId,
      hasMap: this.#hasMap,
      isOtherVersion: this.#isOtherVersion,
    };
    render(wallTemplate(wall), this.#board);
  }
}

/** Keep the screen on, where the browser lets a page do so. */
function keepAwake(): void {
  const ask = () => {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    navigator.wakeLock.request("screen").catch(() => undefined); // the kiosk's own settings have to do
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}

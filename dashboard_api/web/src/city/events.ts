/** The live feed: server-sent events, with a state that the page can show and a connection that always comes back. */

import { API } from "./api";
import type { FaultEvent } from "./types";
import { whole } from "./whole";

const RETRY_MS = [1_000, 2_000, 5_000, 10_000];
const PATIENCE_MS = 1_500; // a blink of the network is not worth a word

export interface FeedListener {
  /** A fault was opened, changed or closed. */
  onFault(event: FaultEvent): void;
  /** The feed runs; `isBack` after a loss, when something may have been missed. */
  onRunning(isBack: boolean): void;
  /** The feed is lost since that moment of this device's clock. */
  onLost(sinceMs: number): void;
}

export class LiveFeed {
  #source: EventSource | null = null;
  #lostSinceMs: number | null = null;
  #n_tries = 0;
  #timer = 0;
  readonly #listener: FeedListener;

  constructor(listener: FeedListener) {
    this.#listener = listener;
  }

  /** Connect, and stay connected. */
  start(): void {
    window.addEventListener("online", () => {
      if (this.#lostSinceMs !== null) this.#connect();
    });
    this.#connect();
  }

  #connect(): void {
    window.clearTimeout(this.#timer);
    this.#source?.close();
    const source = new EventSource(`${API}/events`);
    this.#source = source;
    source.addEventListener("open", () => {
      const isBack = this.#lostSinceMs !== null;
      this.#lostSinceMs = null;
      this.#n_tries = 0;
      this.#listener.onRunning(isBack);
    });
    for (const kind of ["opened", "changed", "closed"]) {
      source.addEventListener(kind, (message: MessageEvent<string>) => {
        const event = whole("/events", JSON.parse(message.data)) as FaultEvent | null;
        if (event?.fault.id) this.#listener.onFault(event);
      });
    }
    source.addEventListener("error", () => {
      this.#retry(source);
    });
  }

  /** The browser tries again by itself only where the server answered; here every end of the feed is tried again. */
  #retry(source: EventSource): void {
    if (source !== this.#source) return;
    source.close();
    this.#lostSinceMs ??= Date.now();
    const sinceMs = this.#lostSinceMs;
    const waitMs = RETRY_MS[Math.min(this.#n_tries, RETRY_MS.length - 1)] ?? 10_000;
    this.#n_tries += 1;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#connect();
    }, waitMs);
    window.setTimeout(() => {
      if (this.#lostSinceMs === sinceMs) this.#listener.onLost(sinceMs);
    }, PATIENCE_MS);
  }
}

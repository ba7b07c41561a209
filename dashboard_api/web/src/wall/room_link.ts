/** Asks for the wall's one answer again and again, whatever happens: nothing ends it but the page's own end. */

import { API } from "../city/api";
import type { LiveRoom } from "../city/types";
import { whole } from "../city/whole";

export const EVERY_MS = 4_000;
export const RETRY_MS = 2_000;
const TIMEOUT_MS = 5_000; // with the wait before it, a server that is back is seen within 10 s
const REFUSED_EVERY_MS = 10_000;

/** The server says that this display may not read. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export interface RoomListener {
  onRoom(room: LiveRoom): void;
  /** The server is out of reach; told once until it answers again. */
  onLost(): void;
  /** This display may not read, or no longer. */
  onRefused(): void;
}

/** The answer in a language; raises Refused, or any other error where there is none. */
export async function askRoom(language: string): Promise<LiveRoom> {
  const path = `${API}/live?lang=${encodeURIComponent(language)}`;
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.status === 401 || answer.status === 403) throw new Refused();
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const room = (await answer.json()) as Partial<LiveRoom> | null;
  if (typeof room?.mark !== "string" || !room.summary) throw new Error("another server's answer");
  return whole("/live", room) as LiveRoom;
}

export class RoomLink {
  readonly #ask: () => Promise<LiveRoom>;
  readonly #listener: RoomListener;
  #timer = 0;
  #isAsking = false;
  #isLost = false;

  constructor(ask: () => Promise<LiveRoom>, listener: RoomListener) {
    this.#ask = ask;
    this.#listener = listener;
  }

  start(): void {
    window.addEventListener("online", () => void this.turn());
    void this.turn();
  }

  /** Ask now, and again after a while. */
  async turn(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    window.clearTimeout(this.#timer);
    let waitMs = RETRY_MS;
    try {
      waitMs = await this.#once();
    } finally {
      this.#isAsking = false;
      this.#timer = window.setTimeout(() => void this.turn(), waitMs);
    }
  }

  /** One question; the time to wait until the next. */
  async #once(): Promise<number> {
    let room: LiveRoom;
    try {
      room = await this.#ask();
    } catch (error) {
      if (error instanceof Refused) {
        this.#isLost = false;
        this.#listener.onRefused();
        return REFUSED_EVERY_MS;
      }
      if (!this.#isLost) {
        this.#isLost = true;
        this.#listener.onLost();
      }
      return RETRY_MS;
    }
    this.#isLost = false;
    this.#listener.onRoom(room);
    return EVERY_MS;
  }
}

/** Asks for the wall's one answer again and again, whatever happens: nothing ends it but the page's own end. */

import { API } from "../city/api";
import type { LiveRoom } from "../city/types";
import { whole } from "../city/whole";
import { json, type Line } from "./line";

export const EVERY_MS = 4_000;
export const RETRY_MS = 2_000;
/** A question without an answer is asked once more beside it, on a connection of its own: the first one's may be dead. */
export const PATIENCE_MS = 2_500;
export const AT_ONCE = 4;
const PATIENT = 2; // questions without an answer after which the connection counts as lost
const TIMEOUT_MS = 9_500; // a server that is busy has its time
export const REFUSED_EVERY_MS = 5_000;

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
export async function askRoom(line: Line, language: string): Promise<LiveRoom> {
  const path = `${API}/live?lang=${encodeURIComponent(language)}`;
  const { status, body } = await line.ask(path, TIMEOUT_MS);
  if (status === 401 || status === 403) throw new Refused();
  if (status !== 200) throw new Error(`HTTP ${status}`);
  const room = json(body) as Partial<LiveRoom> | null;
  if (typeof room?.mark !== "string" || !room.summary) throw new Error("another server's answer");
  return whole("/live", room) as LiveRoom;
}

export class RoomLink {
  readonly #ask: () => Promise<LiveRoom>;
  readonly #listener: RoomListener;
  #timer = 0;
  #asked = 0; // number of the newest question, and of the newest that was answered
  #answered = 0;
  #nUnderWay = 0;
  #isLost = false;

  constructor(ask: () => Promise<LiveRoom>, listener: RoomListener) {
    this.#ask = ask;
    this.#listener = listener;
  }

  start(): void {
    const now = () => void this.turn();
    window.addEventListener("online", now);
    document.addEventListener("visibilitychange", now); // while it is hidden, a page may sleep for minutes
    now();
  }

  /** Ask now, and again after a while. */
  async turn(): Promise<void> {
    this.#wait(PATIENCE_MS);
    if (this.#nUnderWay >= AT_ONCE) return;
    const number = ++this.#asked;
    if (number - this.#answered > PATIENT) this.#lost();
    this.#nUnderWay += 1;
    let answer: LiveRoom | Refused | null = null;
    try {
      answer = await this.#ask();
    } catch (error) {
      if (error instanceof Refused) answer = error;
    } finally {
      this.#nUnderWay -= 1;
    }
    if (number <= this.#answered) return; // a later question has its answer
    if (answer === null) {
      this.#wait(RETRY_MS);
      this.#lost();
      return;
    }
    this.#answered = number;
    this.#isLost = false;
    this.#wait(answer instanceof Refused ? REFUSED_EVERY_MS : EVERY_MS);
    if (answer instanceof Refused) this.#listener.onRefused();
    else this.#listener.onRoom(answer);
  }

  #wait(ms: number): void {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.turn(), ms);
  }

  #lost(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#listener.onLost();
  }
}

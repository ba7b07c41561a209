/** A phone with the page's own outbox: it is killed, opened again, its clock is wrong, and a person decides on it. */

import type { Fault } from "../../src/city/types";
import { openCrewDatabase, type CrewDatabase } from "../../src/crew/database";
import { decide } from "../../src/crew/decisions";
import { Outbox } from "../../src/crew/outbox";
import type { ActionBody, DeviceClock, OutboxRow } from "../../src/crew/outbox_row";
import { server } from "../../src/crew/server";
import type { Outcome, Transport } from "../../src/crew/transport";
import { useLine, type Line } from "./line";

const DAY_MS = 86_400_000;

/** What a person reported, by the outbox's own number, which stays whatever is decided later. */
export interface Reported {
  n: number;
  phone: string;
  kind: "action" | "photo";
  faultId: string;
  /** Stands in the note of every request that was made of it. */
  mark: string;
  /** By a clock that is right: before and after it was reported. */
  fromMs: number;
  toMs: number;
  isDateKnown: boolean;
}

export class Phone {
  readonly reported: Reported[] = [];
  readonly discarded: number[] = [];
  nDied = 0;
  nConflicts = 0;
  #database: CrewDatabase | null = null;
  #outbox: Outbox | null = null;
  #offsetMs: number;
  #knowsServer = true;
  #isSending = false;
  #session = 0;

  constructor(
    readonly name: string,
    readonly line: Line,
    readonly databaseName: string,
  ) {
    this.#offsetMs = this.#someDay();
  }

  #someDay(): number {
    return (Math.floor(this.line.chance() * 3) - 1) * DAY_MS;
  }

  /** Open the page: after a kill with a clock that may have been set meanwhile. */
  async open(): Promise<void> {
    this.#session += 1;
    if (this.line.chance() < 0.3) this.#offsetMs = this.#someDay();
    this.#knowsServer = this.line.chance() < 0.8;
    this.#database = await openCrewDatabase(this.databaseName);
    const [offsetMs, session] = [this.#offsetMs, String(this.#session)];
    const clock: DeviceClock = {
      wallMs: () => Date.now() + offsetMs,
      monotonicMs: () => performance.now(),
      session,
      serverToldMs: () => null,
      serverAheadMs: () => (this.#knowsServer || this.#isSending ? -offsetMs : null), // the page asks before it sends
    };
    this.#outbox = new Outbox(this.#database, this.#transport(this.#session), clock);
  }

  /** The page's own, over this phone's line; a process that was killed asks for nothing more, and is told nothing. */
  #transport(session: number): Transport {
    const ask = (attempt: () => Promise<Outcome>): Promise<Outcome> => {
      if (session !== this.#session) return new Promise(() => undefined);
      useLine(this.line); // the request begins before this returns
      return attempt();
    };
    return {
      who: () => {
        if (session !== this.#session) return new Promise(() => undefined);
        useLine(this.line);
        return server.who();
      },
      act: (...given) => ask(() => server.act(...given)),
      check: (...given) => ask(() => server.check(...given)),
      photo: (...given) => ask(() => server.photo(...given)),
    };
  }

  /** End the page's process: what is under way stays undone, or is done without its answer being seen. */
  async kill(): Promise<void> {
    this.nDied += 1;
    this.#database?.close();
    await this.open();
  }

  get outbox(): Outbox {
    if (!this.#outbox) throw new Error("not open");
    return this.#outbox;
  }

  async report(fault: Fault, mark: string, ...bodies: ActionBody[]): Promise<void> {
    const fromMs = Date.now();
    const at = new Date(Date.now() + this.#offsetMs).toISOString();
    const full = bodies.map((body, nth) => ({ ...body, at, note: `${mark}.${nth}` }));
    const rows = await this.outbox.add({ fault, place: "Jalan Melati", by: this.name }, ...full);
    rows.forEach((row, nth) => {
      this.#note(row, `${mark}.${nth}`, fromMs);
    });
  }

  async photograph(fault: Fault, mark: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const fromMs = Date.now();
    this.#note(await this.outbox.addPhoto({ fault, place: "Jalan Melati", by: this.name }, bytes), mark, fromMs);
  }

  #note({ n, kind, faultId }: OutboxRow, mark: string, fromMs: number): void {
    if (kind === "check") return;
    const isDateKnown = this.#knowsServer;
    this.reported.push({ n, phone: this.name, kind, faultId, mark, fromMs, toMs: Date.now(), isDateKnown });
  }

  /** One round of sending; with some luck the process is killed while it runs. */
  async send(deathRate: number): Promise<void> {
    this.#isSending = true;
    const round = this.outbox.send().then(
      () => undefined,
      (error: unknown) => {
        // the database of a process that was killed is closed
        if ((error as Error).name !== "InvalidStateError") throw error;
      },
    );
    if (this.line.chance() >= deathRate) {
      await round;
      this.#isSending = false;
      return;
    }
    const afterMs = this.line.chance() * 60;
    await Promise.race([round, new Promise((done) => setTimeout(done, afterMs))]);
    this.#isSending = false;
    await this.kill();
  }

  /** What the person does about what the server did not take. */
  async decide(): Promise<void> {
    for (const row of await this.outbox.rows()) {
      if (row.state !== "conflict") continue;
      this.nConflicts += 1;
      const luck = this.line.chance();
      if (luck < 0.1) continue; // later
      const { mark } = this.reported.find(({ n }) => n === row.n) ?? { mark: "" };
      await decide(this.outbox, row.id, luck < 0.5 ? "again" : luck < 0.85 ? "note" : "discard", mark);
      if (luck >= 0.85) this.discarded.push(row.n);
    }
  }

  async waiting(): Promise<OutboxRow[]> {
    return (await this.outbox.rows()).filter(({ state, waiting }) => state === "waiting" && waiting !== "behind");
  }

  close(): void {
    this.#database?.close();
  }
}

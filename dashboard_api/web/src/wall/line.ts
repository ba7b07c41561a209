/** Asks the server over connections that no other request can hold up (see `asking.ts`), a few at a time. */

import { Unreachable } from "../city/api";
import AskingWorker from "./asking?worker&inline";
import type { Question, Reply } from "./question";

const KEPT = 2; // workers that wait for the next question

/** What the server said. */
export interface Said {
  status: number;
  body: ArrayBuffer;
}

interface Job {
  question: Question;
  done: (reply: Reply) => void;
}

export class Line {
  readonly #atOnce: number;
  readonly #make: () => Worker;
  readonly #idle: Worker[] = [];
  readonly #waiting: Job[] = [];
  #nBusy = 0;
  #isCut = false;

  /** Ask so many things at once. */
  constructor(atOnce: number, make: () => Worker = () => new AskingWorker()) {
    this.#atOnce = atOnce;
    this.#make = make;
  }

  /** GET a path of this server: its answer, whatever the status; raises Unreachable. */
  async ask(path: string, timeoutMs: number): Promise<Said> {
    if (this.#isCut) throw new Unreachable(path);
    const question = { url: new URL(path, location.origin).href, timeoutMs };
    const { status, body } = await new Promise<Reply>((done) => {
      this.#waiting.push({ question, done });
      this.#next();
    });
    if (body === null) throw new Unreachable(path);
    return { status, body };
  }

  #next(): void {
    const job = this.#nBusy < this.#atOnce ? this.#waiting.shift() : undefined;
    if (!job) return;
    this.#nBusy += 1;
    const worker = this.#idle.pop() ?? this.#make();
    const end = (reply: Reply, isUsable: boolean) => {
      worker.onmessage = worker.onerror = null;
      this.#nBusy -= 1;
      if (isUsable && this.#idle.length < KEPT) this.#idle.push(worker);
      else worker.terminate();
      job.done(reply);
      this.#next();
    };
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      end(data, true);
    };
    worker.onerror = () => {
      end({ status: 0, body: null }, false);
    };
    worker.postMessage(job.question);
  }

  /** The connection is lost: ask nothing until it is mended; what is under way ends by itself. */
  cut(): void {
    this.#isCut = true;
    for (const { done } of this.#waiting.splice(0)) done({ status: 0, body: null });
  }

  mend(): void {
    this.#isCut = false;
  }
}

/** A body as JSON; raises SyntaxError. */
export function json(body: ArrayBuffer): unknown {
  return JSON.parse(new TextDecoder().decode(body));
}

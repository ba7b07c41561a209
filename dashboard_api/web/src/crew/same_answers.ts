/** Asks for the pages of a long list again and again; one that says what it said the last time is not read anew. */

import { getAnew, type Read } from "./server";

export class SameAnswers {
  #before: ReadonlyMap<string, Read> = new Map();
  #now = new Map<string, Read>();

  /** Begin to ask for the list; what was begun before and did not end is forgotten. */
  begin(): void {
    this.#now = new Map();
  }

  /** GET a page; the same object as the last time where its text is the same. Rejects with NoAnswer. */
  async ask(question: string): Promise<object> {
    const read = await getAnew(question, this.#before.get(question));
    this.#now.set(question, read);
    return read.made;
  }

  /** Every page of the list is there. */
  end(): void {
    this.#before = this.#now;
  }
}

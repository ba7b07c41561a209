/**
 * Decides when the outbox is sent: when it is told to, and again and again while something waits. Who tells it to has asked
 * the server for its time before: the age of a report is wrong by a day where the phone's clock was set meanwhile.
 */

import { SYNC_TAG, type Outbox } from "./outbox";

const FIRST_MS = 2_000;
const LONGEST_MS = 60_000;

export class Sender {
  readonly #outbox: Outbox;
  readonly #tried: () => void;
  #timer = 0;
  #waitMs = FIRST_MS;
  #isIdle = true;

  /** `tried` is called after each attempt. */
  constructor(outbox: Outbox, tried: () => void) {
    this.#outbox = outbox;
    this.#tried = tried;
    // a page that is left may be ended at any moment, while a request is out
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && !this.#isIdle) void askForSync();
    });
  }

  /** Send now, whatever the wait was. */
  now(): void {
    this.#waitMs = FIRST_MS;
    void this.#send();
  }

  async #send(): Promise<void> {
    window.clearTimeout(this.#timer);
    this.#isIdle = false;
    const isAllGone = await this.#outbox.send().catch(() => false);
    this.#isIdle = isAllGone;
    window.clearTimeout(this.#timer);
    this.#tried();
    if (isAllGone) return;
    this.#timer = window.setTimeout(() => void this.#send(), this.#waitMs * (0.75 + Math.random() / 2));
    this.#waitMs = Math.min(LONGEST_MS, this.#waitMs * 2);
    void askForSync();
  }
}

/** Let the service worker send when the network is back, though the page may be closed by then. */
async function askForSync(): Promise<void> {
  try {
    const registration = (await navigator.serviceWorker.getRegistration("/crew")) as
      (ServiceWorkerRegistration & { sync?: { register(tag: string): Promise<void> } }) | undefined;
    await registration?.sync?.register(SYNC_TAG);
  } catch {
    // a browser without it: the page sends when it is opened
  }
}

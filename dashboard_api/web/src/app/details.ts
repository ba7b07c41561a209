/** The views beside the list, each in a chunk of its own that comes when it is first wanted. */

import type { Page, View } from "../panel/page";
import type { ViewName } from "./router";

export type DetailName = Exclude<ViewName, "list">;
/** A view that can be asked to load anew what it could not load. */
export type Detail = View & { retry(): void };

export class Details {
  readonly #page: Page;
  readonly #made = new Map<DetailName, Detail>();

  constructor(page: Page) {
    this.#page = page;
  }

  /** The view, or null where its chunk does not come. */
  async get(name: DetailName): Promise<Detail | null> {
    const known = this.#made.get(name);
    if (known) return known;
    try {
      const made = await this.#make(name);
      this.#made.set(name, made);
      return made;
    } catch {
      return null;
    }
  }

  async #make(name: DetailName): Promise<Detail> {
    if (name === "fault") return new (await import("../panel/fault_view")).FaultView(this.#page);
    if (name === "lamp") return new (await import("../panel/lamp_view")).LampView(this.#page);
    if (name === "controllers") return new (await import("../panel/enrolments_view")).EnrolmentsView(this.#page);
    return new (await import("../panel/cabinet_view")).CabinetView(this.#page);
  }
}

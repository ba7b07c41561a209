/** Where the phone is, as long as its owner allows it and looks. The position stays on the phone. */

import { metresBetween, type Point } from "./distance";

const MOVED_M = 15; // a smaller step changes no list

export type PositionState = "unasked" | "asking" | "known" | "denied" | "unknown";

export class Position {
  readonly #changed: () => void;
  #watch: number | null = null;
  state: PositionState = "unasked";
  here: Point | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Begin at once where it was allowed before; else it takes a tap. */
  async resume(): Promise<void> {
    try {
      const { state } = await navigator.permissions.query({ name: "geolocation" });
      if (state === "granted") this.ask();
    } catch {
      // a browser that cannot say so: a tap asks
    }
  }

  ask(): void {
    if (this.#watch !== null) return;
    if (!("geolocation" in navigator)) {
      this.#set("unknown");
      return;
    }
    this.#set("asking");
    this.#watch = navigator.geolocation.watchPosition(
      ({ coords: { latitude, longitude } }) => {
        const there = { latitude, longitude };
        if (this.here && this.state === "known" && metresBetween(this.here, there) < MOVED_M) return;
        this.here = there;
        this.#set("known");
      },
      (error) => {
        if (error.code === error.PERMISSION_DENIED) this.#stop("denied");
        else if (!this.here) this.#set("unknown");
      },
      { enableHighAccuracy: true, maximumAge: 30_000, timeout: 60_000 },
    );
  }

  #stop(state: PositionState): void {
    if (this.#watch !== null) navigator.geolocation.clearWatch(this.#watch);
    this.#watch = null;
    this.#set(state);
  }

  #set(state: PositionState): void {
    this.state = state;
    this.#changed();
  }
}

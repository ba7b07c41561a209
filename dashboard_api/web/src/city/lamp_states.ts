/** What each lamp does now: lit, off, dark, silent or unmetered. Holds one number per lamp, tells what changed, and counts. */

import { LAMP_STATES, type LampCollection, type LampState, type StatesAnswer } from "./types";

export interface LampNow {
  state: LampState;
  level: number;
}

export interface Tally {
  lit: number;
  off: number;
  dark: number;
  silent: number;
  unmetered: number;
}

export class LampStates {
  readonly #now = new Map<string, LampNow>();
  readonly #districts = new Map<string, string>();
  readonly #monitored = new Set<string>();

  /** Begin with the states that came with the register. */
  load(lamps: LampCollection): void {
    this.#now.clear();
    this.#districts.clear();
    this.#monitored.clear();
    for (const { properties: lamp } of lamps.features) {
      this.#now.set(lamp.lamp_id, { state: lamp.state, level: drivenLevel(lamp.level) });
      if (lamp.is_monitored) this.#monitored.add(lamp.lamp_id);
      this.#districts.set(lamp.lamp_id, lamp.district ?? "");
    }
  }

  /** Take the newest states; returns the lamps whose look changed. */
  update(answer: StatesAnswer): Map<string, LampNow> {
    const changed = new Map<string, LampNow>();
    answer.lamp_id.forEach((lampId, row) => {
      const known = this.#now.get(lampId);
      if (!known) return; // imported since this page loaded its register
      const state = LAMP_STATES[answer.state[row] ?? 0] ?? "silent";
      const level = drivenLevel(answer.level[row]);
      if (known.state === state && known.level === level) return;
      const now = { state, level };
      this.#now.set(lampId, now);
      changed.set(lampId, now);
    });
    return changed;
  }

  get(lampId: string): LampNow | undefined {
    return this.#now.get(lampId);
  }

  get hasLamps(): boolean {
    return this.#now.size > 0;
  }

  /** Count the monitored lamps by state, over the city and per district. */
  tally(): { city: Tally; districts: Map<string, Tally> } {
    const city = { lit: 0, off: 0, dark: 0, silent: 0, unmetered: 0 };
    const districts = new Map<string, Tally>();
    for (const lampId of this.#monitored) {
      const { state } = this.#now.get(lampId) ?? { state: "silent" as const };
      const name = this.#districts.get(lampId) ?? "";
      let district = districts.get(name);
      if (!district) districts.set(name, (district = { lit: 0, off: 0, dark: 0, silent: 0, unmetered: 0 }));
      city[state] += 1;
      district[state] += 1;
    }
    return { city, districts };
  }
}

/** A level as the map draws it: an agent that cannot know it (255, or none at all) drives its lamp fully. */
function drivenLevel(level: number | null | undefined): number {
  return level === null || level === undefined || level > 100 ? 100 : level;
}

/** Share lit of the lamps known to be lit or dark, 0 to 1, as `/summary` reckons it; null while none should be lit. */
export function litShare(tally: Tally): number | null {
  const n_wanted = tally.lit + tally.dark;
  return n_wanted > 0 ? tally.lit / n_wanted : null;
}

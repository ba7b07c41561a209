/** The phone's clocks, and what is known of the server's. */

import type { DeviceClock } from "./outbox_row";

/** The device's clocks; `cityNowMs` answers the server's now, `toldMs` what it told last; null until it was told. */
export function deviceClock(cityNowMs: () => number | null, toldMs: () => number | null = () => null): DeviceClock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    session: String(performance.timeOrigin),
    serverAheadMs: () => {
      const nowMs = cityNowMs();
      return nowMs === null ? null : nowMs - Date.now();
    },
    serverToldMs: toldMs,
  };
}

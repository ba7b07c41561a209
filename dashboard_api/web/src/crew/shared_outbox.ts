/** The outbox as the windows and the service worker share it: each tells the others which rows have changed. */

import type { Fault } from "../city/types";
import type { CrewDatabase } from "./database";
import { Outbox } from "./outbox";
import type { DeviceClock } from "./outbox_row";
import { server } from "./server";

const CHANNEL = "terang-crew-outbox";

/** Null in a browser without channels: what others send is then seen with the next attempt or refresh. */
export function changesChannel(): BroadcastChannel | null {
  return typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
}

/** `changed` is called after each change, by whomever, with the fault as the server then had it, where it said so. */
export function sharedOutbox(
  database: CrewDatabase,
  clock: DeviceClock,
  changed: (fault: Fault | null) => void,
): Outbox {
  const others = changesChannel();
  if (others)
    others.onmessage = ({ data }: MessageEvent<Fault | null>) => {
      changed(data);
    };
  return new Outbox(database, server, clock, (fault) => {
    changed(fault);
    others?.postMessage(fault);
  });
}

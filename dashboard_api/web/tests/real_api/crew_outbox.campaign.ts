/**
 * The crew's own outbox and transport against a real API behind a line that fails, seed by seed. Two crews report on
 * the same faults. What each phone holds in the end is written down; who started this compares it with the database.
 */

import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { Fault } from "../../src/city/types";
import type { ActionBody } from "../../src/crew/outbox_row";
import { random } from "../random";
import { signIn, signOut, type Line } from "./line";
import { Phone } from "./phone";

interface Settings {
  api: string;
  proxy: string;
  controls: string;
  password: string;
  photos: string;
  output: string;
  seeds: { seed: number; faults: { id: string; version: number }[] }[];
}

/** The part of Node that this needs; its types would change those of the browser for every other file. */
interface Files {
  readFileSync(path: string): Uint8Array;
  readdirSync(path: string): string[];
  writeFileSync(path: string, text: string): void;
}
interface Node {
  env: Record<string, string | undefined>;
  getBuiltinModule(name: "node:fs"): Files;
}

const { process: node } = globalThis as unknown as { process: Node };
const files = node.getBuiltinModule("node:fs");
const settings = JSON.parse(new TextDecoder().decode(files.readFileSync(node.env.TERANG_REAL_API ?? ""))) as Settings;
const PHOTOS = files
  .readdirSync(settings.photos)
  .map((name) => new Uint8Array(files.readFileSync(`${settings.photos}/${name}`)));
const MOST_ROUNDS = 300; // until all has arrived: the line is good by then

async function control(path: string): Promise<void> {
  const answer = await fetch(`${settings.controls}/${path}`, { method: "POST" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
}

/** The person signs in as soon as the API is there again. */
async function signInAgain(phone: Phone): Promise<void> {
  for (let n = 0; ; n += 1) {
    try {
      await signIn(phone.line, settings.api, phone.name, settings.password);
      return;
    } catch (error) {
      if (n > 300) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

const REPAIR: ActionBody = { action: "repair", cause: "driver", part: "LED driver" };

function bodiesOf(luck: number): ActionBody[] {
  if (luck < 0.6) return [REPAIR];
  if (luck < 0.8) return [{ action: "assign", assignee: "Budi" }, { action: "start" }, REPAIR];
  return [{ action: "acknowledge" }, { action: "comment" }, REPAIR];
}

async function campaign(seed: number, faults: readonly Fault[]): Promise<object> {
  const chance = random(seed);
  const phones = await Promise.all(
    ["budi", "sari"].map(async (name) => {
      const line: Line = {
        address: settings.proxy,
        chance,
        badness: 0,
        haste: 0,
        cookie: "",
        nKills: name === "budi" && seed % 3 === 1 ? 2 : 0,
      };
      const phone = new Phone(name, line, `${name}-${seed}`);
      await phone.open();
      await signInAgain(phone);
      return phone;
    }),
  );
  const [budi, sari] = phones as [Phone, Phone];
  for (const [nth, fault] of faults.entries()) {
    const photo = PHOTOS[nth % PHOTOS.length] ?? new Uint8Array();
    await budi.report(fault, `${seed}.budi.${nth}`, ...bodiesOf(chance()));
    if (nth % 2 === 0) await budi.photograph(fault, `${seed}.budi.${nth}.photo`, photo);
    if (chance() < 0.2) {
      await sari.report(fault, `${seed}.sari.${nth}`, chance() < 0.5 ? { action: "acknowledge" } : REPAIR);
      if (chance() < 0.5) await sari.photograph(fault, `${seed}.sari.${nth}.photo`, photo);
    }
    if (chance() < 0.1) await budi.kill();
    if (nth % 10 !== 9) continue;
    const luck = chance();
    if (luck < 0.2) await signOut(budi.line, settings.api).catch(() => undefined);
    else if (luck < 0.3) await control("expire");
    else if (luck < 0.5) await control(`lock?${Math.round(chance() * 1_500)}`);
    const isLocked = luck >= 0.3 && luck < 0.5;
    for (const phone of phones) {
      phone.line.badness = 0.5;
      phone.line.haste = isLocked ? 0.3 : 0; // nobody waits for as long as a database may be locked
      await phone.send(0.4);
      phone.line.haste = 0;
    }
  }
  // the line gets better; everything has to arrive by itself, but for what a person has to decide
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const waiting = await Promise.all(phones.map((phone) => phone.waiting()));
    if (waiting.flat().length === 0) break;
    for (const [nth, phone] of phones.entries()) {
      phone.line.badness = 0.5 * 0.97 ** round;
      await phone.decide();
      if (waiting[nth]?.some((row) => row.waiting === "sign_in")) await signInAgain(phone);
      await phone.send(round < 30 ? 0.1 : 0);
    }
  }
  const told = await Promise.all(
    phones.map(async (phone) => {
      const rows = (await phone.outbox.rows()).map(({ id, n, state, waiting, kind, faultId, reason, nTries }) => {
        return { id, n, state, waiting, kind, faultId, reason, nTries };
      });
      phone.close();
      const { name, reported, discarded, nDied, nConflicts } = phone;
      return { name, reported, discarded, nDied, nConflicts, rows };
    }),
  );
  return { seed, phones: told };
}

test("two crews' reports against the real API", async () => {
  const results = [];
  for (const { seed, faults } of settings.seeds) results.push(await campaign(seed, faults as Fault[]));
  files.writeFileSync(settings.output, JSON.stringify(results));
  expect(results).toHaveLength(settings.seeds.length);
}, 3_600_000);

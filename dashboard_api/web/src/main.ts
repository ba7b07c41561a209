/** Wires the page: asks the city, shows it, listens. Everything else takes what it needs from here. */

import "./styles/theme.css";
import "./styles/frame.css";
import "./styles/panel.css";
import { get, getKept, Problem, Unreachable } from "./city/api";
import { CityClock } from "./city/clock";
import { LiveFeed } from "./city/events";
import { FaultStore } from "./city/fault_store";
import { openFaults, repeat } from "./city/polling";
import { LampStates } from "./city/lamp_states";
import type {
  Cabinet,
  CabinetList,
  City,
  CodeList,
  Fault,
  LampCollection,
  Me,
  QuantityList,
  StatesAnswer,
} from "./city/types";
import { h } from "./dom";
import { SEVERITY_COLOUR } from "./map/icons";
import { NightMap } from "./map/night_map";
import { FaultDetail } from "./panel/fault_detail";
import { FaultList } from "./panel/fault_list";
import { Frame } from "./panel/frame";
import { LampDetail } from "./panel/lamp_detail";
import type { Page } from "./panel/page";
import { isNarrow, Sheet } from "./panel/sheet";
import { Summary } from "./panel/summary";
import { EvidenceWords } from "./words/evidence_words";
import { Words } from "./words/words";

const STATES_EVERY_MS = 15_000;
const CABINETS_EVERY_MS = 60_000;
const RETRY_MS = 4_000;

const words = new Words();
const clock = new CityClock();
const faults = new FaultStore();
const states = new LampStates();
const frame = new Frame(words);
const cabinets = new Map<string, Cabinet>();
let map: NightMap | null = null;
let city: City | null = null;
let me: Me | null = null;
let feedLostMs: number | null = null;
let cityLostMs: number | null = null;
let dataAtMs: number | null = null;
let registerVersion: number | undefined;
let view: "list" | "fault" | "lamp" = "list";

const page: Page = {
  words,
  clock,
  faults,
  states,
  evidence: new EvidenceWords(words, clock),
  lampOf: (id) => map?.lamp(id),
  cabinetName: (id) => cabinets.get(id)?.name ?? id,
  showFault: (id) => void showFault(id),
  showLamp: (id) => void showLamp(id),
  showList,
  showCabinetFaults: (id) => {
    showList();
    list.setFilter({ cabinetId: id });
  },
};
const list = new FaultList(page, (shown) => void map?.showFaults(shown));
const detail = new FaultDetail(page);
const lampDetail = new LampDetail(page);
const summary = new Summary(page, (name) => {
  showList();
  list.setFilter({ district: name });
});
const listView = h("div", { class: "view" }, list.element, summary.districts);
const sheet: Sheet = new Sheet(frame.panel, () => map?.setCovered(covered()));
frame.panel.append(sheet.handle, listView, detail.element, lampDetail.element);
frame.overview.append(summary.element);

/** What lies over the map: on a phone the overview above and the sheet below. */
function covered(): { top: number; bottom: number } {
  return { top: isNarrow() ? 80 : 0, bottom: sheet.coveredPx };
}

function place(name: "list" | "fault" | "lamp", id: string | null): void {
  view = name;
  listView.hidden = name !== "list";
  detail.element.hidden = name !== "fault";
  lampDetail.element.hidden = name !== "lamp";
  if (name !== "fault") detail.leave();
  if (name !== "lamp") lampDetail.leave();
  const query = new URLSearchParams(location.search);
  for (const each of ["fault", "lamp"]) query.delete(each);
  if (id) query.set(name, id);
  history.replaceState(null, "", query.size > 0 ? `?${query.toString()}` : location.pathname);
  frame.panel.scrollTop = 0;
}

function showList(): void {
  const last = detail.id;
  place("list", null);
  list.render();
  if (last) list.element.querySelector<HTMLElement>(`[data-fault="${CSS.escape(last)}"]`)?.focus();
  void map?.select(null, false);
}

async function showFault(id: string): Promise<void> {
  place("fault", id);
  if (isNarrow()) sheet.set("half");
  const known = faults.get(id);
  if (known) goTo(known);
  const fault = await detail.show(id);
  if (!known && fault) goTo(fault);
  detail.element.focus({ preventScroll: true });
}

function goTo(fault: Fault): void {
  if (fault.longitude !== null && fault.latitude !== null) void map?.select([fault.longitude, fault.latitude], true);
}

async function showLamp(id: string): Promise<void> {
  place("lamp", id);
  if (isNarrow()) sheet.set("half");
  const lamp = map?.lamp(id);
  const [longitude, latitude] = lamp?.geometry.coordinates ?? [];
  if (longitude !== undefined && latitude !== undefined) void map?.select([longitude, latitude], true);
  await lampDetail.show(id);
  lampDetail.element.focus({ preventScroll: true });
}

function renderAll(): void {
  frame.render();
  frame.showAccount(me?.accounts ? me.name : null);
  renderLink();
  if (city) frame.showTime(city.name, clock);
  sheet.handle.setAttribute("aria-label", words.say("grow_sheet"));
  summary.render();
  list.renderFilters();
  list.render();
  if (view === "fault") detail.render();
  if (view === "lamp") lampDetail.render();
}

function renderLink(): void {
  const lostSinceMs = Math.min(feedLostMs ?? Infinity, cityLostMs ?? Infinity);
  if (lostSinceMs === Infinity) {
    frame.showLink("", false);
    return;
  }
  const toCity = clock.nowMs() - Date.now();
  const parts = [words.say("lost", { t: clock.time(lostSinceMs + toCity, words.locale) })];
  if (dataAtMs !== null) parts.push(words.say("data_of", { t: clock.time(dataAtMs + toCity, words.locale) }));
  frame.showLink(parts.join(" · "), true);
}

async function loadCity(): Promise<void> {
  const [kept, { value: codes }, { value: quantities }] = await Promise.all([
    getKept<City>("/city"),
    getKept<CodeList>("/codes"),
    getKept<QuantityList>("/quantities"),
  ]);
  city = kept.value;
  me = await get<Me>("/me").catch(() => me); // with no network whoever it was is still shown
  clock.set(city);
  words.setCodes(codes.items);
  words.setQuantities(quantities.items);
  words.setCityLanguage(city.language);
  const [{ value: lamps }, { value: boxes }] = await Promise.all([
    getKept<LampCollection>("/lamps.geojson"),
    getKept<CabinetList>("/cabinets"),
  ]);
  for (const cabinet of boxes.items) cabinets.set(cabinet.cabinet_id, cabinet);
  states.load(lamps);
  if (city.bbox) map?.fit(city.bbox as [number, number, number, number]);
  const open = await openFaults();
  dataAtMs = open.atMs;
  faults.load(open.faults);
  renderAll();
  await map?.showRegister(lamps, boxes.items);
  list.render();
  if (kept.isOld) throw new Unreachable("only kept answers"); // shown, and asked for again
}

async function pollStates(): Promise<void> {
  const answer = await get<StatesAnswer>("/lamps/states");
  dataAtMs = Date.now();
  registerVersion ??= answer.register_version;
  if (answer.register_version !== registerVersion) {
    registerVersion = answer.register_version; // imported anew: other lamps stand in the city now
    await loadCity();
    return;
  }
  const changed = states.update(answer);
  if (changed.size === 0) return;
  summary.render();
  await map?.showStates(changed);
}

async function pollCabinets(): Promise<void> {
  const { items } = await get<CabinetList>("/cabinets");
  for (const cabinet of items) cabinets.set(cabinet.cabinet_id, cabinet);
  await map?.showCabinets(items);
}

function listen(): void {
  faults.onChange((change, fault) => {
    if (change === "loaded" || !fault) {
      renderAll();
      return;
    }
    list.render();
    summary.render();
    if (fault.id === detail.id) detail.hear(fault);
    if (view === "lamp" && fault.lamp_ids.includes(lampDetail.id ?? "")) lampDetail.render();
    if (change === "changed") return;
    const what = `${words.title(fault.code)}, ${fault.street ?? fault.cabinet_id ?? ""}`;
    frame.announce(words.say(change === "opened" ? "new_fault" : "closed_fault", { what }));
    if (fault.longitude === null || fault.latitude === null) return;
    map?.pulse([fault.longitude, fault.latitude], change === "opened" ? SEVERITY_COLOUR[fault.severity] : "#fff4dc");
  });
  words.onChange(renderAll);
  new LiveFeed({
    onFault: (event) => {
      dataAtMs = Date.now();
      faults.hear(event);
    },
    onRunning: (isBack) => {
      feedLostMs = null;
      renderLink();
      if (isBack) void start();
    },
    onLost: (sinceMs) => {
      feedLostMs = sinceMs;
      renderLink();
    },
  }).start();
  repeat(STATES_EVERY_MS, pollStates);
  repeat(CABINETS_EVERY_MS, pollCabinets);
  repeat(1_000, () => {
    if (city) frame.showTime(city.name, clock);
    return Promise.resolve();
  });
  repeat(60_000, () => {
    if (view === "list") list.render(); // ages grow
    return Promise.resolve();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && view !== "list") showList();
    if (event.key === "/" && !(event.target instanceof HTMLInputElement)) {
      event.preventDefault();
      showList();
      list.focusSearch();
    }
  });
}

/** Load the city, again and again until it has been reached. */
async function start(): Promise<void> {
  try {
    await loadCity();
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof Problem)) throw error;
    cityLostMs ??= Date.now();
    renderLink();
    window.setTimeout(() => void start(), RETRY_MS);
    return;
  }
  cityLostMs = null;
  renderLink();
  const query = new URLSearchParams(location.search);
  const [fault, lamp] = [query.get("fault"), query.get("lamp")];
  if (fault && fault !== detail.id) await showFault(fault);
  else if (lamp && lamp !== lampDetail.id) await showLamp(lamp);
}

try {
  map = new NightMap(frame.map, {
    onFault: page.showFault,
    onLamp: page.showLamp,
    onCabinet: page.showCabinetFaults,
    describe: (kind, id) => {
      if (kind === "cabinet") return `${words.say("cabinet")} ${page.cabinetName(id)}`;
      if (kind === "fault") return words.title(faults.get(id)?.code ?? "");
      const street = map?.lamp(id)?.properties.street;
      return [id, street, words.say(states.get(id)?.state ?? "silent")].filter(Boolean).join(" · ");
    },
  });
  map.setCovered(covered());
} catch {
  frame.map.append(h("p", { class: "no-map" }, words.say("no_map"))); // no WebGL: the list is whole without it
}
place("list", new URLSearchParams(location.search).get("list"));
renderAll();
listen();
void start();
if ("serviceWorker" in navigator && import.meta.env.PROD)
  void navigator.serviceWorker.register("/service-worker.js").catch(() => undefined);

/**
 * Makes an answer of another version's server whole: what is missing or of another type gets a value that shows as
 * "not known". Owns the shapes that the pages cannot do without; whether one had to be mended is told as an event.
 */

/** Told to the window when an answer lacks what this build knows, or says what it does not. */
export const OTHER_VERSION = "terang-other-version";

type Shape = unknown;

/** A word of a list that may grow: an unknown one stays as it is. */
class OneOf {
  constructor(readonly known: readonly string[]) {}
}

const NO = null;
const BRIEF = {
  id: "",
  code: "",
  title: "",
  level: new OneOf(["lamp", "circuit", "cabinet", "controller"]),
  state: new OneOf(["open", "acknowledged", "assigned", "repaired", "closed"]),
  severity: new OneOf(["critical", "major", "minor", "warning"]),
  lamps: 0,
  opened_at: "",
  since: NO,
  street: NO,
  district: NO,
  cabinet_id: NO,
};
const FAULT = {
  id: BRIEF.id,
  code: BRIEF.code,
  level: BRIEF.level,
  state: BRIEF.state,
  severity: BRIEF.severity,
  opened_at: "",
  street: NO,
  district: NO,
  cabinet_id: NO,
  priority: 0,
  controller_id: NO,
  circuit: NO,
  lamp_id: NO,
  span: NO,
  bus: NO,
  latitude: NO,
  longitude: NO,
  lamp_ids: [""],
  evidence: {},
  assignee: NO,
  advice: "",
  version: 0,
  updated_at: "",
  closed_at: NO,
  started_at: NO,
  deferred_until: NO,
  caused_by: NO,
};
const FIGURES = { lit_share: NO, open_faults: 0 };
const SUMMARY = {
  lamps: { lit_share: NO },
  faults: { open: 0, by_severity: {} },
  districts: [{ district: NO, ...FIGURES }],
};
const REPAIR = { at: "", actor: "", result: "", fault: FAULT };

/** By path, the first that fits. Lists named `items` have to be there: an answer without them is none. */
const SHAPES: readonly (readonly [RegExp, Shape])[] = [
  [/^\/faults\?/, { items: [FAULT], next_cursor: NO }],
  [
    /^\/faults\/[^/]+$/,
    { ...FAULT, timeline: [{ seq: 0, at: "", kind: "", actor: "", reason: NO, note: NO, data: {} }] },
  ],
  [/^\/faults\/[^/]+\/actions$/, FAULT],
  [/^\/events$/, { fault: FAULT }],
  [/^\/summary$/, SUMMARY],
  [/^\/city$/, { name: "Terang", timezone: "UTC", language: "", now: "", languages: [{ code: "", name: "" }] }],
  [/^\/codes$/, { items: [{ code: "", family: "", title: {}, advice: {} }] }],
  [/^\/quantities$/, { items: [{ name: "", title: {}, summary: "" }] }],
  [/^\/me$/, { name: "", accounts: false, role: NO }],
  [/^\/lamps\/changes/, { mark: "", reload: false, row: [0], state: [""], level: [0] }],
  [/^\/lamps\/[^?]+\/readings/, { columns: {} }],
  [
    /^\/lamps\/[^?]+$/,
    {
      faults: [FAULT],
      extra: {},
      latest: NO,
      cabinet_id: NO,
      rated_power_w: NO,
      technology: NO,
      street: NO,
      district: NO,
      circuit: NO,
      position: NO,
    },
  ],
  [/^\/cabinets\/.+\/lamps$/, { columns: { lamp_id: [NO], circuit: [NO] } }],
  [/^\/cabinets\/.+\/energy/, { items: [{ start: "", measured_kwh: 0, interpolated_kwh: 0, estimated_kwh: 0 }] }],
  [
    /^\/cabinets\/.+$/,
    { faults: [FAULT], name: NO, district: NO, online: NO, supply_va: NO, longitude: NO, latitude: NO },
  ],
  [
    /^\/checks\?/,
    {
      items: [
        { number: "", at: "", lamp_id: NO, latitude: NO, longitude: NO, address: NO, description: NO, n_reports: 1 },
      ],
    },
  ],
  [/^\/repairs\?/, { items: [REPAIR] }],
  [
    /^\/live$/,
    {
      now: "",
      mark: "",
      page: NO,
      summary: SUMMARY,
      worst: [BRIEF],
      oldest: NO,
      energy: { newest_hour: NO, measured_kwh: 0, interpolated_kwh: 0, estimated_kwh: 0 },
      repairs: { verified: 0, still_dark: 0, waiting: 0, is_whole: true },
      events: [{ at: "", kind: "", fault: BRIEF }],
    },
  ],
];

type Note = () => void;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function filled(value: unknown, shape: Shape, note: Note): unknown {
  if (shape instanceof OneOf) {
    if (typeof value === "string" && shape.known.includes(value)) return value;
    note();
    return typeof value === "string" ? value : "";
  }
  if (shape === null) {
    if (value === undefined) note();
    return value ?? null;
  }
  if (Array.isArray(shape)) {
    const [item] = shape as Shape[];
    if (!Array.isArray(value)) {
      note();
      return [];
    }
    return isObject(item) ? value.map((each) => filled(each, item, note)) : value;
  }
  if (isObject(shape)) {
    if (!isObject(value)) note();
    const whole: Record<string, unknown> = isObject(value) ? value : {};
    for (const [name, part] of Object.entries(shape)) whole[name] = filled(whole[name], part, note);
    return whole;
  }
  if (typeof value === typeof shape) return value;
  note();
  return shape;
}

/** The answer of `path` (below `/api/v1`) with all that the pages need; null where it is no answer at all. */
export function whole(path: string, value: unknown): unknown {
  const shape = SHAPES.find(([pattern]) => pattern.test(path))?.[1];
  if (shape === undefined) return value;
  if (!isObject(value)) return null;
  if (isObject(shape) && "items" in shape && !Array.isArray(value.items)) return null;
  const found = { isOther: false };
  const made = filled(value, shape, () => {
    found.isOther = true;
  }) as Record<string, unknown>;
  // what has no id cannot be led to
  if (path.startsWith("/faults?")) made.items = (made.items as { id: unknown }[]).filter(({ id }) => id !== "");
  // a column is a list, whatever else a newer server may say beside them
  if (isObject(made.columns))
    made.columns = Object.fromEntries(Object.entries(made.columns).filter(([, column]) => Array.isArray(column)));
  if (found.isOther) globalThis.dispatchEvent(new Event(OTHER_VERSION));
  return made;
}

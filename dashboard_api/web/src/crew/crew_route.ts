/** What the address of the crew's page names: a view, and the filter and order of the list. Pure. */

export const VIEWS = ["work", "tour", "repairs", "morning", "outbox", "scan", "print", "checks"] as const;
export type CrewView = (typeof VIEWS)[number];
export const WHO = ["all", "mine", "free"] as const;
export type Who = (typeof WHO)[number];

export interface CrewRoute {
  view: CrewView;
  /** A fault, lamp or cabinet that is shown over the view; "" = none. */
  fault: string;
  lamp: string;
  cabinet: string;
  order: "priority" | "distance";
  who: Who;
  district: string;
  code: string;
  text: string;
}

const LONGEST = 200; // characters of a value; longer ones are nobody's filter

export const START: CrewRoute = {
  view: "work",
  fault: "",
  lamp: "",
  cabinet: "",
  order: "priority",
  who: "all",
  district: "",
  code: "",
  text: "",
};
const NAMES: Record<Exclude<keyof CrewRoute, "view" | "order" | "who">, string> = {
  fault: "fault",
  lamp: "lamp",
  cabinet: "cabinet",
  district: "district",
  code: "code",
  text: "q",
};

function oneOf<T extends string>(known: readonly T[], value: string | null, otherwise: T): T {
  return known.find((each) => each === value) ?? otherwise;
}

export function routeOf(address: URL): CrewRoute {
  const query = address.searchParams;
  const route: CrewRoute = {
    ...START,
    view: oneOf(VIEWS, query.get("view"), START.view),
    order: oneOf(["priority", "distance"], query.get("order"), START.order),
    who: oneOf(WHO, query.get("who"), START.who),
  };
  for (const [name, asked] of Object.entries(NAMES))
    route[name as keyof typeof NAMES] = (query.get(asked) ?? "").slice(0, LONGEST);
  return route;
}

/** The address of a route; the language that an address asks for stays in it. */
export function addressOf(route: CrewRoute, now: URL): string {
  const query = new URLSearchParams();
  const language = now.searchParams.get("lang");
  if (language) query.set("lang", language);
  for (const name of ["view", "order", "who"] as const) if (route[name] !== START[name]) query.set(name, route[name]);
  for (const [name, asked] of Object.entries(NAMES)) {
    const value = route[name as keyof typeof NAMES];
    if (value) query.set(asked, value);
  }
  return query.size > 0 ? `/crew?${query.toString()}` : "/crew";
}

/** Whether a fault, lamp or cabinet is shown over the view. */
export function isOver({ fault, lamp, cabinet }: CrewRoute): boolean {
  return fault + lamp + cabinet !== "";
}

/** No fault, lamp or cabinet over the view. */
export const NO_THING = { fault: "", lamp: "", cabinet: "" } as const;

/** Whether what is shown was opened from another view, and a step back closes it. */
export function hasBack(route: CrewRoute): boolean {
  return isOver(route) || route.view === "print" || route.view === "checks";
}

/** What a pole's label says: the page's own address of a lamp or cabinet; null = another code. */
export function labelOf(text: string): Pick<CrewRoute, "lamp" | "cabinet"> | null {
  let address: URL;
  try {
    address = new URL(text);
  } catch {
    return null;
  }
  // labels outlive the server's name: the path counts, not the host
  const [, kind, id] = /^\/(lamp|cabinet)\/(.+)$/.exec(address.pathname) ?? [];
  if (kind && id) return { lamp: "", cabinet: "", [kind]: safelyDecoded(id).slice(0, LONGEST) };
  if (address.pathname !== "/crew") return null;
  const { lamp, cabinet } = routeOf(address);
  return lamp || cabinet ? { lamp, cabinet } : null;
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

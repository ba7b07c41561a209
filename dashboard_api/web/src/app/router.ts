/** Which view the address names, and how a reader goes on and back: the browser's own history. */

export type ViewName = "list" | "fault" | "lamp" | "cabinet" | "controllers";

export interface Route {
  view: ViewName;
  id: string;
}

const LIST: Route = { view: "list", id: "" };
const CONTROLLERS = "/controllers";

/** The view that an address names; the older `/?lamp=` and `/?cabinet=` are understood as well. */
export function routeOf(address: URL): Route {
  if (address.pathname === CONTROLLERS) return { view: "controllers", id: "" };
  const [, view, id] = /^\/(lamp|cabinet)\/(.+)$/.exec(address.pathname) ?? [];
  if ((view === "lamp" || view === "cabinet") && id) return { view, id: decoded(id) };
  for (const name of ["fault", "lamp", "cabinet"] as const) {
    const asked = address.searchParams.get(name);
    if (asked) return { view: name, id: asked };
  }
  return LIST;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in an id that somebody typed
  }
}

/** The address of a view; the language that an address asks for stays in it. */
export function addressOf({ view, id }: Route, now: URL): string {
  const query = new URLSearchParams();
  const language = now.searchParams.get("lang");
  if (language) query.set("lang", language);
  if (view === "fault") query.set("fault", id);
  // a slash in an id is part of the path, as the API has it
  const ofId = () => `/${view}/${encodeURIComponent(id).replaceAll("%2F", "/")}`;
  const path = view === "controllers" ? CONTROLLERS : view === "lamp" || view === "cabinet" ? ofId() : "/";
  return query.size > 0 ? `${path}?${query.toString()}` : path;
}

export class Router {
  readonly #onRoute: (route: Route, before: Route | null) => void;
  #route: Route | null = null;
  #n_steps = 0;

  constructor(onRoute: (route: Route, before: Route | null) => void) {
    this.#onRoute = onRoute;
  }

  get route(): Route {
    return this.#route ?? LIST;
  }

  /** Follow the address from now on, beginning with the present one. */
  start(): void {
    window.addEventListener("popstate", () => {
      this.#n_steps = Math.max(0, this.#n_steps - 1);
      this.#show(routeOf(new URL(location.href)));
    });
    document.addEventListener("click", (event) => {
      this.#follow(event);
    });
    const route = routeOf(new URL(location.href));
    history.replaceState(null, "", addressOf(route, new URL(location.href)));
    this.#show(route);
  }

  go(route: Route): void {
    const { view, id } = this.route;
    if (route.view === view && route.id === id) return;
    this.#n_steps += 1;
    history.pushState(null, "", addressOf(route, new URL(location.href)));
    this.#show(route);
  }

  /** Leave a detail: back to where the reader came from within the page, else to the list. */
  up(): void {
    if (this.#n_steps > 0) history.back();
    else this.go(LIST);
  }

  #show(route: Route): void {
    const before = this.#route;
    this.#route = route;
    this.#onRoute(route, before);
  }

  /** Links within the page need no new document. */
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest("a");
    if (link?.dataset.view === undefined) return;
    event.preventDefault();
    this.go(routeOf(new URL(link.href)));
  }
}

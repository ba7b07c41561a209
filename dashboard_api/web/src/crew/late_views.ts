/** The views that come once the first list is shown, in a chunk of their own. */

import "../styles/crew_fault.css";
import "../styles/crew_forms.css";
import "../styles/crew_views.css";
import "../styles/crew_print.css";
import type { Crew, CrewPart } from "./crew";
import { isOver, type CrewRoute, type CrewView } from "./crew_route";
import { ChecksView } from "./checks_view";
import { FaultDetailView } from "./fault_detail";
import { OutboxView } from "./outbox_view";
import { PlaceView } from "./place_view";
import { PrintView } from "./print_view";
import { MorningView, RepairsView } from "./repairs_view";
import { ScanView } from "./scan_view";
import { TourView } from "./tour_view";

export class LateViews {
  readonly #detail: FaultDetailView;
  readonly #place: PlaceView;
  readonly #tour: TourView;
  readonly #scan: ScanView;
  readonly #views: Record<Exclude<CrewView, "work">, CrewPart>;
  #before: CrewView = "work";

  constructor(crew: Crew) {
    this.#detail = new FaultDetailView(crew);
    this.#place = new PlaceView(crew);
    this.#tour = new TourView(crew);
    this.#scan = new ScanView(crew);
    this.#views = {
      tour: this.#tour,
      repairs: new RepairsView(crew),
      morning: new MorningView(crew),
      outbox: new OutboxView(crew),
      scan: this.#scan,
      checks: new ChecksView(crew),
      // what is printed is what the reader came from
      print: new PrintView(crew, () => (this.#before === "tour" ? this.#tour.stops() : crew.shown())),
    };
  }

  /** The reader is somewhere else now. */
  show(route: CrewRoute): void {
    if (route.view !== "print") this.#before = route.view;
    this.#detail.show(route.fault);
    this.#place.show(route.fault ? "" : route.lamp, route.fault ? "" : route.cabinet);
    this.#scan.show(route.view === "scan" && !isOver(route));
  }

  /** The view of a route; null = the list. */
  of(route: CrewRoute): CrewPart | null {
    if (route.fault) return this.#detail;
    if (route.lamp || route.cabinet) return this.#place;
    return route.view === "work" ? null : this.#views[route.view];
  }
}

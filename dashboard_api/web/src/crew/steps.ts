/** Steps within the page that need no new document: a tap on a fault's link, and Escape. */

import type { Crew } from "./crew";
import { hasBack } from "./crew_route";

export function followSteps(crew: Crew): void {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const fault = (event.target as Element).closest("a")?.dataset.fault;
    if (fault === undefined) return;
    event.preventDefault();
    crew.go({ fault });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && hasBack(crew.route)) crew.back();
  });
}

/** Keys that work everywhere in the page (Escape goes back, `/` begins a search), and where the focus goes. */

import type { Route, Router } from "./router";

export function listenToKeys(router: Router, content: HTMLElement): void {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && router.route.view !== "list") router.up();
    const { target } = event;
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (event.key !== "/" || isTyping) return;
    event.preventDefault();
    router.go({ view: "list", id: "" });
    content.querySelector<HTMLInputElement>("input[type=search]")?.focus();
  });
}

/** Back in the list, the row that led away has the focus. */
export function focusList(content: HTMLElement, before: Route | null): void {
  if (!before || before.view === "list") return;
  const row = content.querySelector<HTMLElement>(`[data-fault="${CSS.escape(before.id)}"]`);
  (row ?? content.querySelector<HTMLElement>("#faults"))?.focus();
}

/** The entry of the wall's page: styles, the token out of the address, words, the wall. */

import "@fontsource-variable/inter/index.css";
import "../styles/theme.css";
import "../styles/wall.css";
import "../styles/wall_figures.css";
import { openWords } from "../words/open_words";
import { takeToken } from "./display_token";
import { WallApp } from "./wall_app";
import { isLanguageAsked } from "./wall_words";

const address = new URL(location.href);
const token = tokenOut(address);
void openWords("", null).then((words) => {
  const wall = new WallApp(document.body, words, token, isLanguageAsked(address));
  wall.start();
  keepDocument();
  // an address that differs in its token alone loads no page
  window.addEventListener("hashchange", () => {
    wall.takeToken(tokenOut(new URL(location.href)));
  });
});

/** Keep this page on the device: after a restart while the network is away it comes all the same, and waits. */
function keepDocument(): void {
  if (!("serviceWorker" in navigator) || !import.meta.env.PROD) return;
  void navigator.serviceWorker.register("/wall-worker.js", { scope: "/live" }).catch(() => undefined);
}

/** The token of the page's address, which is not left in it. */
function tokenOut(address: URL): string | null {
  const { token, rest } = takeToken(address);
  if (rest !== address.pathname + address.search + address.hash) history.replaceState(null, "", rest);
  return token;
}

/** The entry of the crew's page. */

import "../styles/theme.css";
import "../styles/crew.css";
import "../styles/crew_list.css";
import "../styles/crew_fault.css";
import "../styles/crew_forms.css";
import "../styles/crew_views.css";
import "../styles/crew_print.css";
import { startCrewApp } from "./crew_app";
import { CrewWords } from "./crew_words";

const RETRY_MS = 3_000;

/** Start; words that do not come on a bad line are asked for again. */
function start(): void {
  CrewWords.open().then(
    (words) => startCrewApp(document.body, words),
    () => {
      window.setTimeout(start, RETRY_MS);
    },
  );
}

start();

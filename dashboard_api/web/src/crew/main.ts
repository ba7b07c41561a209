/** The entry of the crew's page. */

import "../styles/theme.css";
import "../styles/crew.css";
import "../styles/crew_list.css";
import { CrewApp } from "./crew_app";
import { CrewWords } from "./crew_words";
import { openInTime } from "./database";

const RETRY_MS = 3_000;

/** Start; words that do not come on a bad line are asked for again. */
function start(): void {
  CrewWords.open().then(
    // without a database it shows, and says that it keeps nothing
    async (words) => new CrewApp(document.body, words, await openInTime()).start(),
    () => {
      window.setTimeout(start, RETRY_MS);
    },
  );
}

start();

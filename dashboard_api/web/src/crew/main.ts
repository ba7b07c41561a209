/** The entry of the crew's page. */

import "../styles/theme.css";
import "../styles/crew.css";
import { startCrewApp } from "./crew_app";
import { CrewWords } from "./crew_words";

void CrewWords.open().then((words) => startCrewApp(document.body, words));

/** The page's entry: styles, words, the one app, and the worker that keeps the page's files on the device. */

import "./styles/theme.css";
import "./styles/frame.css";
import "./styles/overview.css";
import "./styles/map.css";
import "./styles/frame_narrow.css";
import "./styles/panel.css";
import "./styles/fault_rows.css";
import "./styles/fault_view.css";
import "./styles/panel_narrow.css";
import "./styles/long_texts.css";
import { App } from "./app/app";
import { FirstAnswers } from "./city/first_answers";
import { openWords } from "./words/open_words";

const answers = FirstAnswers.of(document);
// no await at the top: a module that waits there is split from those that others share with it, one request for each
void openWords(answers.language, answers.words).then((words) => {
  new App(document.body, words, answers).start();
});

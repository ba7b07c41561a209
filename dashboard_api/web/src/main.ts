/** The page's entry: styles, words, the one app, and the worker that keeps the page's files on the device. */

import "./styles/theme.css";
import "./styles/frame.css";
import "./styles/panel.css";
import { App } from "./app/app";
import { FirstAnswers } from "./city/first_answers";
import { openWords } from "./words/open_words";

const told = FirstAnswers.of(document);
// no await at the top: a module that waits there is split from those that others share with it, one request for each
void openWords(told.language, told.words).then((words) => {
  new App(document.body, words, told).start();
});

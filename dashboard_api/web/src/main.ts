/** The page's entry: styles, the one app, and the worker that keeps the page's files on the device. */

import "./styles/theme.css";
import "./styles/frame.css";
import "./styles/panel.css";
import { App } from "./app/app";

new App(document.body).start();

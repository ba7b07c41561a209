/** Every catalogue at once, as the page loads them one by one. */

import type { Catalogue } from "../src/words/catalogues";

const FILES = import.meta.glob<Catalogue>("../src/words/catalogues/*.json", { eager: true, import: "default" });

export const CATALOGUES: ReadonlyMap<string, Catalogue> = new Map(
  Object.entries(FILES).map(([path, catalogue]) => [/([^/]+)\.json$/.exec(path)?.[1] ?? path, catalogue]),
);

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin, type Rolldown } from "vite";

const WORTH_BYTES = 1_000;
const DIST = join(import.meta.dirname, "dist");

const CATALOGUES = join(import.meta.dirname, "src/words/catalogues");
// messages of a catalogue that the first view shows: the document carries them in its reader's language
const FIRST_WORDS = /^(language\.|page\.|fault\.\w+\.title$)/;

const WALL = "wall.html";
// of the wall alone: a phone that keeps the map's files has no use for them
const OF_THE_WALL = /^(wall\.html|assets\/(wall|inter)[-_])/;
const WALL_WORKER = { source: "src/wall_worker.ts", worker: "wall-worker.js" };

/** Says in the wall's document which build it is: walls that run for weeks load themselves anew when it changes. */
function buildMark(): void {
  const page = readFileSync(join(DIST, WALL), "utf8"); // names its scripts by their contents, and holds its styles
  const build = createHash("sha256").update(page).digest("hex").slice(0, 16);
  writeFileSync(
    join(DIST, WALL),
    page.replace('<meta name="build" content=""', `<meta name="build" content="${build}"`),
  );
}

/** Puts the styles into each document, and the words of the first view beside it: no round trip for either. */
function firstView(): Plugin {
  return {
    name: "terang-first-view",
    apply: "build",
    writeBundle: {
      sequential: true,
      order: "pre",
      handler() {
        for (const name of readdirSync(DIST).filter((each) => each.endsWith(".html"))) {
          const page = readFileSync(join(DIST, name), "utf8");
          const styled = page.replace(/<link rel="stylesheet"[^>]* href="\/([^"]+)"[^>]*>/g, (_, href: string) => {
            const rules = readFileSync(join(DIST, href), "utf8").trim();
            // The disabled link is not fetched. It keeps chunks from loading the file once more, after the page's own rules.
            return `<style>${rules}</style><link rel="stylesheet" href="/${href}" disabled>`;
          });
          writeFileSync(join(DIST, name), styled);
        }
        buildMark();
        mkdirSync(join(DIST, "first-words"), { recursive: true });
        for (const name of readdirSync(CATALOGUES).filter((each) => each.endsWith(".json"))) {
          const whole = JSON.parse(readFileSync(join(CATALOGUES, name), "utf8")) as Record<string, string>;
          const first = Object.entries(whole).filter(([id]) => FIRST_WORDS.test(id));
          writeFileSync(join(DIST, "first-words", name), JSON.stringify(Object.fromEntries(first)));
        }
      },
    },
  };
}

/** A page of its own beside the map: its document, its worker, and the public files that belong to it alone. */
interface OtherPage {
  html: string;
  source: string;
  worker: string;
  own: readonly string[];
}
const CREW: OtherPage = {
  html: "crew.html",
  source: "src/crew_worker.ts",
  worker: "crew-worker.js",
  own: ["crew.webmanifest", "icon-192.png", "icon-512.png"],
};
const SHARED = ["icon.svg"];

/** Every built file. */
function built(): string[] {
  return readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".gz") && !entry.parentPath.endsWith("first-words"))
    .map((entry) => relative(DIST, join(entry.parentPath, entry.name)));
}

/** Files as workbox's precache wants them; a hashed name needs no revision of its own. */
function shell(urls: readonly string[]): { url: string; revision: string | null }[] {
  return urls.map((url) => {
    const digest = () =>
      createHash("sha256")
        .update(readFileSync(join(DIST, url)))
        .digest("hex");
    return { url, revision: url.startsWith("assets") ? null : digest() };
  });
}

/** What a document loads at once or later: chunks with all that they import, styles, files. */
function filesOf(html: string, bundle: Rolldown.OutputBundle): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    found.add(name);
    const part = bundle[name];
    if (part?.type !== "chunk") return;
    const { importedCss, importedAssets } = part.viteMetadata ?? { importedCss: [], importedAssets: [] };
    for (const each of [...part.imports, ...part.dynamicImports, ...importedCss, ...importedAssets]) visit(each);
  };
  visit(html);
  for (const part of Object.values(bundle))
    if (part.type === "chunk" && part.isEntry && part.facadeModuleId?.endsWith(`/${html}`)) visit(part.fileName);
  return found;
}

async function buildWorker(source: string, name: string, urls: readonly string[]): Promise<void> {
  await build({
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    define: { __SHELL__: JSON.stringify(shell(urls)) },
    build: {
      outDir: DIST,
      emptyOutDir: false,
      target: "es2022",
      rolldownOptions: {
        input: join(import.meta.dirname, source),
        output: { entryFileNames: name, format: "iife" },
      },
    },
  });
}

/** Builds the service workers after the pages, since each carries the list of its page's files. */
function serviceWorkers(): Plugin {
  return {
    name: "terang-service-workers",
    apply: "build",
    async writeBundle(_options, bundle) {
      const all = built();
      const ofMap = filesOf("index.html", bundle);
      const ofCrew = new Set([...filesOf(CREW.html, bundle), ...CREW.own]);
      const forMap = all.filter((url) => (ofMap.has(url) || !ofCrew.has(url)) && !OF_THE_WALL.test(url));
      // the decoder of labels is large: it comes when somebody scans
      const forCrew = all.filter((url) => (ofCrew.has(url) || SHARED.includes(url)) && !url.endsWith(".wasm"));
      await buildWorker("src/service_worker.ts", "service-worker.js", forMap);
      await buildWorker(CREW.source, CREW.worker, forCrew);
      const ofWall = filesOf(WALL, bundle);
      await buildWorker(
        WALL_WORKER.source,
        WALL_WORKER.worker,
        all.filter((url) => ofWall.has(url) || OF_THE_WALL.test(url) || SHARED.includes(url)),
      );
    },
  };
}

/** Writes each larger file packed beside itself: the server sends that one, with nothing left to do for it. */
function packed(): Plugin {
  return {
    name: "terang-packed",
    apply: "build",
    closeBundle: {
      sequential: true,
      order: "post",
      handler() {
        for (const url of built()) {
          if (!/\.(js|mjs|css|html|svg|wasm)$/.test(url)) continue;
          const body = readFileSync(join(DIST, url));
          if (body.length >= WORTH_BYTES) writeFileSync(join(DIST, `${url}.gz`), gzipSync(body, { level: 9 }));
        }
      },
    },
  };
}

export default defineConfig({
  build: {
    target: "es2022",
    outDir: DIST,
    chunkSizeWarningLimit: 1500,
    rolldownOptions: { input: ["index.html", CREW.html, WALL].map((name) => join(import.meta.dirname, name)) },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  plugins: [firstView(), serviceWorkers(), packed()],
});

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin } from "vite";

const WORTH_BYTES = 1_000;
const DIST = join(import.meta.dirname, "dist");

const CATALOGUES = join(import.meta.dirname, "src/words/catalogues");
// messages of a catalogue that the first view shows: the document carries them in its reader's language
const FIRST_WORDS = /^(language\.|page\.|fault\.\w+\.title$)/;

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
            return `<style>${readFileSync(join(DIST, href), "utf8").trim()}</style>`;
          });
          writeFileSync(join(DIST, name), styled);
        }
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

/** The built files as workbox's precache wants them; a hashed name needs no revision of its own. */
function shell(): { url: string; revision: string | null }[] {
  return readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".gz") && !entry.parentPath.endsWith("first-words"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => {
      const url = relative(DIST, path);
      const isHashed = url.startsWith("assets");
      return { url, revision: isHashed ? null : createHash("sha256").update(readFileSync(path)).digest("hex") };
    });
}

/** Builds the service worker after the page, since it carries the list of the page's files. */
function serviceWorker(): Plugin {
  return {
    name: "terang-service-worker",
    apply: "build",
    async writeBundle() {
      await build({
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        define: { __SHELL__: JSON.stringify(shell()) },
        build: {
          outDir: DIST,
          emptyOutDir: false,
          target: "es2022",
          rolldownOptions: {
            input: join(import.meta.dirname, "src/service_worker.ts"),
            output: { entryFileNames: "service-worker.js", format: "iife" },
          },
        },
      });
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
        for (const { url } of shell()) {
          if (!/\.(js|mjs|css|html|svg)$/.test(url)) continue;
          const body = readFileSync(join(DIST, url));
          if (body.length >= WORTH_BYTES) writeFileSync(join(DIST, `${url}.gz`), gzipSync(body, { level: 9 }));
        }
      },
    },
  };
}

export default defineConfig({
  build: { target: "es2022", outDir: DIST, chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  plugins: [firstView(), serviceWorker(), packed()],
});

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, defineConfig, type Plugin } from "vite";

const DIST = join(import.meta.dirname, "dist");

/** The built files as workbox's precache wants them; a hashed name needs no revision of its own. */
function shell(): { url: string; revision: string | null }[] {
  return readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
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

export default defineConfig({
  build: { target: "es2022", outDir: DIST, chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": "http://127.0.0.1:8000" } },
  plugins: [serviceWorker()],
});

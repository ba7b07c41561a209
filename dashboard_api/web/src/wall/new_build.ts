/** Loads the page anew when the server has another build of it, and never into an error page or around in a circle. */

const STORED = "terang-wall-reload";
const AGAIN_MS = 300_000; // a proxy may keep handing out the old document
const TIMEOUT_MS = 8_000;
const BUILD = /<meta name="build" content="([0-9a-f]*)"/;
const FILES = /(?:src|href)="(\/assets\/[^"]+)"/g;

/** The build of a document. */
export function buildOf(page: Document): string {
  return page.querySelector<HTMLMetaElement>('meta[name="build"]')?.content ?? "";
}

async function text(path: string): Promise<string> {
  const answer = await fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.text();
}

/** Whether the new document and every file that it names are to be had. */
export async function isWhole(
  build: string,
  path: string,
  get: (path: string) => Promise<string> = text,
): Promise<boolean> {
  try {
    const page = await get(path);
    if (BUILD.exec(page)?.[1] !== build) return false;
    await Promise.all([...page.matchAll(FILES)].map(([, file]) => get(file ?? "")));
    return true;
  } catch {
    return false;
  }
}

function lastReload(): { build: string; atMs: number } {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "") as { build: string; atMs: number };
  } catch {
    return { build: "", atMs: 0 };
  }
}

export class NewBuild {
  readonly #own: string;
  readonly #reload: () => void;
  #isLooking = false;

  constructor(
    own: string,
    reload: () => void = () => {
      location.reload();
    },
  ) {
    this.#own = own;
    this.#reload = reload;
  }

  /** The server has `build`: load it, if it is another one and all of it is there. */
  async hear(build: string | null): Promise<void> {
    if (!build || !this.#own || build === this.#own || this.#isLooking) return;
    const last = lastReload();
    if (last.build === build && Math.abs(Date.now() - last.atMs) < AGAIN_MS) return;
    this.#isLooking = true;
    const isThere = await isWhole(build, location.pathname);
    this.#isLooking = false;
    if (!isThere) return; // asked again with the next answer
    try {
      sessionStorage.setItem(STORED, JSON.stringify({ build, atMs: Date.now() }));
    } catch {
      return; // without a memory of it, it could go around in a circle
    }
    this.#reload();
  }
}

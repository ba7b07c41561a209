/** Whether the server has another build of this page: parts of the old one, which come later, are then gone for good. */

const FILES = /(?:src|href)="(\/assets\/[^"]+)"/g;
const TIMEOUT_MS = 8_000;

async function text(path: string): Promise<string> {
  // by way of the service worker, as a reload is
  const answer = await fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.text();
}

/** True if a reload brings another build of which every file is there. Never rejects. */
export async function hasNewBuild(): Promise<boolean> {
  const own = document.querySelector('script[type="module"][src]')?.getAttribute("src");
  if (!own) return false;
  try {
    const page = await text("/crew");
    if (page.includes(`"${own}"`)) return false;
    await Promise.all([...page.matchAll(FILES)].map(([, file]) => text(file ?? "")));
    return true;
  } catch {
    return false; // no network, or half a build: asked again with the next attempt
  }
}

/** A part of this page did not come: load the page anew where that helps. What waits and what was typed is kept. */
export async function reloadIfNew(): Promise<void> {
  if (await hasNewBuild()) location.reload();
}

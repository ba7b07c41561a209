/**
 * Keeps the page's files for the days without a network: its service worker, and once the list is there the decoder of
 * labels, so that a label can be scanned without a network as well.
 */

const AFTER_MS = 3_000; // what the list still asks for comes first

interface Connection {
  readonly saveData?: boolean;
}

function controlled(workers: ServiceWorkerContainer): Promise<void> {
  return new Promise((done) => {
    if (workers.controller) done();
    else
      workers.addEventListener(
        "controllerchange",
        () => {
          done();
        },
        { once: true },
      );
  });
}

/** Register the service worker, and let it keep the decoder. Never rejects. */
export async function keepFiles(): Promise<void> {
  if (!("serviceWorker" in navigator && import.meta.env.PROD)) return;
  try {
    await navigator.serviceWorker.register("/crew-worker.js", { scope: "/crew" });
    await fetchDecoder();
  } catch {
    // it is tried again with the next opening of the page, the decoder also when somebody scans
  }
}

/** Not where the browser decodes by itself, or is to save data. */
async function fetchDecoder(): Promise<void> {
  const { connection } = navigator as { connection?: Connection };
  if (connection?.saveData === true) return;
  await controlled(navigator.serviceWorker);
  await new Promise((done) => setTimeout(done, AFTER_MS));
  const { hasOwnDetector } = await import("./own_detector");
  if (await hasOwnDetector()) return;
  const { DECODER_ADDRESS } = await import("./code_reader");
  if (!(await caches.match(DECODER_ADDRESS))) await fetch(DECODER_ADDRESS);
}

/** Has the service worker keep the decoder of labels once the list is there: a label is scanned without a network as well. */

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

/** Not where the browser decodes by itself, or is to save data. Rejects where it does not come. */
export async function fetchDecoder(): Promise<void> {
  const { connection } = navigator as { connection?: Connection };
  if (connection?.saveData === true) return;
  await controlled(navigator.serviceWorker);
  await new Promise((done) => setTimeout(done, AFTER_MS));
  const { hasOwnDetector } = await import("./own_detector");
  if (await hasOwnDetector()) return;
  const { DECODER_ADDRESS } = await import("./code_reader");
  if (!(await caches.match(DECODER_ADDRESS))) await fetch(DECODER_ADDRESS);
}

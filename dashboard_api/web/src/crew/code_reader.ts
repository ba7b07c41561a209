/** Decodes QR codes: the browser's own detector where it has one, else ZXing as WebAssembly from our own server. */

import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";
import wasmAddress from "zxing-wasm/reader/zxing_reader.wasm?url";
import { ownDetector } from "./own_detector";

/** Where our own server has the decoder. */
export const DECODER_ADDRESS = wasmAddress;

/** The texts of the codes in a picture; rejects where it cannot be read. */
export type CodeReader = (image: ImageBitmapSource) => Promise<string[]>;

/** A reader that is ready to decode; rejects where the decoder cannot be fetched. */
export async function codeReader(): Promise<CodeReader> {
  const own = await ownDetector();
  if (own) return async (image) => (await own.detect(image)).map(({ rawValue }) => rawValue);
  await prepareZXingModule({
    overrides: { locateFile: (path: string, prefix: string) => (path.endsWith(".wasm") ? wasmAddress : prefix + path) },
    fireImmediately: true,
  });
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (image) => (await detector.detect(image)).map(({ rawValue }) => rawValue);
}

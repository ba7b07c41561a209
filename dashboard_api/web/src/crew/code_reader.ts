/** Decodes QR codes: the browser's own detector where it has one, else ZXing as WebAssembly from our own server. */

import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";
import wasmAddress from "zxing-wasm/reader/zxing_reader.wasm?url";

/** The texts of the codes in a picture; rejects where it cannot be read. */
export type CodeReader = (image: ImageBitmapSource) => Promise<string[]>;

interface Detector {
  detect(image: ImageBitmapSource): Promise<readonly { rawValue: string }[]>;
}

type NativeDetector = (new (options: { formats: string[] }) => Detector) & { getSupportedFormats(): Promise<string[]> };

async function native(): Promise<Detector | null> {
  const { BarcodeDetector: Native } = globalThis as { BarcodeDetector?: NativeDetector };
  try {
    return Native && (await Native.getSupportedFormats()).includes("qr_code")
      ? new Native({ formats: ["qr_code"] })
      : null;
  } catch {
    return null;
  }
}

/** A reader that is ready to decode; rejects where the decoder cannot be fetched. */
export async function codeReader(): Promise<CodeReader> {
  const own = await native();
  if (own) return async (image) => (await own.detect(image)).map(({ rawValue }) => rawValue);
  await prepareZXingModule({
    overrides: { locateFile: (path: string, prefix: string) => (path.endsWith(".wasm") ? wasmAddress : prefix + path) },
    fireImmediately: true,
  });
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (image) => (await detector.detect(image)).map(({ rawValue }) => rawValue);
}

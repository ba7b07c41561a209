/** The browser's own decoder of QR codes, which Chrome on Android has. */

export interface Detector {
  detect(image: ImageBitmapSource): Promise<readonly { rawValue: string }[]>;
}

type OwnDetector = (new (options: { formats: string[] }) => Detector) & { getSupportedFormats(): Promise<string[]> };

function own(): OwnDetector | undefined {
  return (globalThis as { BarcodeDetector?: OwnDetector }).BarcodeDetector;
}

/** Whether the browser decodes QR codes by itself. */
export async function hasOwnDetector(): Promise<boolean> {
  try {
    return (await own()?.getSupportedFormats())?.includes("qr_code") === true;
  } catch {
    return false;
  }
}

/** The browser's own detector; null = it has none. */
export async function ownDetector(): Promise<Detector | null> {
  const Own = own();
  try {
    return Own && (await hasOwnDetector()) ? new Own({ formats: ["qr_code"] }) : null;
  } catch {
    return null;
  }
}

/** Makes a photo small enough for a phone's network: at most 1600 pixels an edge, as JPEG, without metadata. */

const LONGEST_EDGE = 1600; // pixels: a pole's label stays readable
const LARGEST_FILE = 64 * 1024 * 1024; // bytes; a phone's browser would be ended for decoding more
const MOST_PIXELS = 64_000_000; // as the server; each takes four bytes when it is decoded
const QUALITIES = [0.82, 0.7, 0.55];
const WANTED_BYTES = 700 * 1024;
const MOST_BYTES = 10 * 1024 * 1024; // the server takes 12

/** The file is no photo that this browser can read, or too large. */
export class NoPhoto extends Error {
  override readonly name = "NoPhoto";
  constructor(readonly why: "too_large" | "unreadable") {
    super(why);
  }
}

function encoded(canvas: HTMLCanvasElement, quality: number): Promise<Blob | null> {
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/jpeg", quality);
  });
}

/** How many pixels a file says it has, before any of them is decoded; 0 = it is no picture. */
async function pixelsOf(file: Blob): Promise<number> {
  const address = URL.createObjectURL(file);
  try {
    return await new Promise((resolve) => {
      const image = new Image();
      image.onload = () => {
        resolve(image.naturalWidth * image.naturalHeight);
      };
      image.onerror = () => {
        resolve(0);
      };
      image.src = address;
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The photo as a JPEG of at most `MOST_BYTES`. Rejects with NoPhoto. */
export async function smallPhoto(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > LARGEST_FILE) throw new NoPhoto("too_large");
  const nPixels = await pixelsOf(file);
  if (nPixels === 0) throw new NoPhoto("unreadable");
  if (nPixels > MOST_PIXELS) throw new NoPhoto("too_large");
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new NoPhoto("unreadable");
  }
  try {
    const scale = Math.min(1, LONGEST_EDGE / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.width * scale));
    canvas.height = Math.max(1, Math.round(image.height * scale));
    const ink = canvas.getContext("2d");
    if (!ink) throw new NoPhoto("unreadable");
    ink.drawImage(image, 0, 0, canvas.width, canvas.height);
    let smallest: Blob | null = null;
    for (const quality of QUALITIES) {
      smallest = await encoded(canvas, quality);
      if (smallest && smallest.size <= WANTED_BYTES) break;
    }
    if (!smallest || smallest.size > MOST_BYTES) throw new NoPhoto("too_large");
    return new Uint8Array(await smallest.arrayBuffer());
  } finally {
    image.close();
  }
}

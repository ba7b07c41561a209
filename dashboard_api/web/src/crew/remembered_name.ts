/** The name that this phone reports under in a city without accounts; asked for once. */

const STORED = "terang-crew-name";

export function rememberedName(): string {
  try {
    return localStorage.getItem(STORED) ?? "";
  } catch {
    return "";
  }
}

export function rememberName(name: string): void {
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // it holds as long as the page is open
  }
}

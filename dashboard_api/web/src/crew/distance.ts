/** Distances and bearings on the ground between WGS 84 positions. Pure. */

export interface Point {
  latitude: number;
  longitude: number;
}

const EARTH_M = 6_371_008.8;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Great-circle distance in metres. */
export function metresBetween(a: Point, b: Point): number {
  const north = radians(b.latitude - a.latitude);
  const east = radians(b.longitude - a.longitude);
  const h =
    Math.sin(north / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(east / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The eight points of the compass, clockwise from north. */
export const COMPASS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"] as const;
export type CompassPoint = (typeof COMPASS)[number];

/** Bearing in degrees from `a` to `b`, clockwise from north, 0 ≤ bearing < 360. */
export function bearing(a: Point, b: Point): number {
  const [from, to, east] = [radians(a.latitude), radians(b.latitude), radians(b.longitude - a.longitude)];
  const y = Math.sin(east) * Math.cos(to);
  const x = Math.cos(from) * Math.sin(to) - Math.sin(from) * Math.cos(to) * Math.cos(east);
  return ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360;
}

/** The point of the compass that a bearing is nearest to. */
export function compassPoint(degrees: number): CompassPoint {
  return COMPASS[Math.round(degrees / 45) % 8] ?? "n";
}

/** A distance as it is said: "320 m" in steps of 10 m, "1.4 km", "12 km". */
export function distanceText(metres: number, locale: string): string {
  const isNear = metres < 995;
  const value = isNear ? Math.max(10, Math.round(metres / 10) * 10) : metres / 1000;
  const digits = isNear || value >= 9.95 ? 0 : 1;
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${format.format(value)}\u00a0${isNear ? "m" : "km"}`;
}

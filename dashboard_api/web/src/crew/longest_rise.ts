/** Indices of a longest part of `values` that rises, with the one at `fixed` where that is not -1. */
export function longestRise(values: readonly number[], fixed = -1): Set<number> {
  const at = (nth: number): number => values[nth] ?? 0;
  const isBeside = (nth: number): boolean =>
    fixed < 0 || nth === fixed || (nth < fixed ? at(nth) < at(fixed) : at(nth) > at(fixed));
  const lengths: number[] = []; // of the longest rise that ends with each
  const before: number[] = [];
  let last = -1;
  for (let nth = 0; nth < values.length; nth += 1) {
    lengths[nth] = 0;
    before[nth] = -1;
    if (!isBeside(nth)) continue;
    lengths[nth] = 1;
    for (let other = 0; other < nth; other += 1)
      if (at(other) < at(nth) && (lengths[other] ?? 0) >= (lengths[nth] ?? 0)) {
        lengths[nth] = (lengths[other] ?? 0) + 1;
        before[nth] = other;
      }
    if (last < 0 || (lengths[nth] ?? 0) > (lengths[last] ?? 0)) last = nth;
  }
  const rise = new Set<number>();
  for (let nth = last; nth >= 0; nth = before[nth] ?? -1) rise.add(nth);
  return rise;
}

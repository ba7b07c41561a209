/** Which elements of a list stay where they are: as many as can, and the one with the focus. */

import { expect, test } from "vitest";
import { longestRise } from "../src/crew/longest_rise";

function shuffled(n: number, seed: number): number[] {
  const values = [...Array(n).keys()];
  let state = seed;
  for (let nth = n - 1; nth > 0; nth -= 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const other = state % (nth + 1);
    [values[nth], values[other]] = [values[other] ?? 0, values[nth] ?? 0];
  }
  return values;
}

/** The length of a longest rise through `fixed`, by trying every choice. */
function tried(values: readonly number[], fixed: number): number {
  let longest = 0;
  for (let choice = 1; choice < 2 ** values.length; choice += 1) {
    if (fixed >= 0 && !(choice & (1 << fixed))) continue;
    const part = values.filter((_value, nth) => choice & (1 << nth));
    if (part.every((value, nth) => nth === 0 || value > (part[nth - 1] ?? 0))) longest = Math.max(longest, part.length);
  }
  return longest;
}

test("is the longest of all that rise, with the fixed one among them", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const n = seed % 10;
    const values = shuffled(n, seed);
    for (let fixed = -1; fixed < n; fixed += 1) {
      const rise = [...longestRise(values, fixed)].sort((a, b) => a - b);
      expect(rise.every((nth, k) => k === 0 || (values[nth] ?? 0) > (values[rise[k - 1] ?? 0] ?? 0))).toBe(true);
      if (fixed >= 0) expect(rise).toContain(fixed);
      expect(rise.length).toBe(tried(values, fixed));
    }
  }
});

test("a list that was scrolled up or down has only the new rows moved", () => {
  expect(longestRise([2, 3, 4, 5, 6, 7, 0, 1]).size).toBe(6);
  expect(longestRise([6, 7, 0, 1, 2, 3, 4, 5]).size).toBe(6);
});

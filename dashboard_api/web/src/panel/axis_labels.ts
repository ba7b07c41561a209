/** Labels of a chart's axes: no two of one axis read alike. */

/** Figures of ticks with as few decimals as tell them apart. */
export function distinctFigures(ticks: readonly number[], figure: (value: number, digits: number) => string): string[] {
  for (let digits = 0; digits < 6; digits += 1) {
    const labels = ticks.map((tick) => figure(tick, digits));
    if (new Set(labels).size === new Set(ticks).size) return labels;
  }
  return ticks.map(String);
}

/** Times of ticks in seconds; where a time of day comes again, and over days, the day stands with it. */
export function distinctTimes(
  ticks: readonly number[],
  time: (seconds: number) => string,
  day: (seconds: number) => string,
  isLong: boolean,
): string[] {
  const labels = ticks.map(time);
  if (!isLong && new Set(labels).size === labels.length) return labels;
  return ticks.map((tick, row) => `${day(tick)} ${labels[row] ?? ""}`);
}

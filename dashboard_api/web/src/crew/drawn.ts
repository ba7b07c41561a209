const LONGEST_MS = 3_000; // a page that nobody sees draws no frames

/** Resolves when what has been asked to be drawn is on the screen: in the frame after the one that draws it. */
export function drawn(): Promise<void> {
  return new Promise((done) => {
    window.setTimeout(done, LONGEST_MS);
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          done();
        }),
      ),
    );
  });
}

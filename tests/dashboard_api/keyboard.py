"""A person who works a page by its keys alone: where the focus is, whether it is seen, in which order it goes."""

from __future__ import annotations

import itertools

from playwright.sync_api import TimeoutError  # noqa: A004

_STOP = """
() => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  // a file's input is drawn as the button around it
  const seen = at.matches("input[type=file]") ? at.closest("label") : at;
  const style = getComputedStyle(seen), box = seen.getBoundingClientRect();
  const scrolled = scrollY + (seen.closest("main")?.scrollTop ?? 0);
  const isMarked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
  const middle = (from, to, size) => (Math.max(0, from) + Math.min(size, to)) / 2;
  const hit = document.elementFromPoint(
    middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
  return {
    name: at.tagName + "." + at.className + " " + (at.name || at.dataset.do || at.innerText || "").slice(0, 40).trim(),
    isMarked,
    isInSight: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0,
    isCovered: hit !== null && !seen.contains(hit) && !hit.contains(seen),
    part: at.closest("main") ? "main" : at.closest("nav") ? "nav" : "other",
    top: box.top + scrolled, bottom: box.bottom + scrolled, left: box.left,
    isSticky: !!at.closest(".form .buttons"),
  };
}
"""


class Keys:
    """Presses keys on ``page``, and looks at each stop of Tab."""

    def __init__(self, page):
        self.page = page
        self.stops = []

    def press(self, *names):
        for name in names:
            self.page.keyboard.press(name)

    def type(self, text):
        self.page.keyboard.type(text)

    def stop(self):
        """What has the focus; None = nothing."""
        return self.page.evaluate(_STOP)

    def is_on(self, selector):
        return self.page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector)

    def lands_on(self, selector):
        """Wait until ``selector`` has the focus, which a view moves when it has been drawn."""
        self._lands("selector => document.activeElement?.matches(selector)", selector)

    def lands_in_main(self):
        """Wait until the focus is somewhere in the page's main part."""
        self._lands("() => document.activeElement?.closest('main')", None)

    def _lands(self, expression, argument):
        try:
            self.page.wait_for_function(expression, arg=argument)
        except TimeoutError as error:
            raise AssertionError(f"{argument or 'main'} has not the focus, but {self.stop()}") from error

    def tab(self, key="Tab"):
        """One step, which has to end on something else that can be seen to have the focus."""
        before = self.page.evaluate_handle("document.activeElement")
        self.press(key)
        assert not before.evaluate("one => one === document.activeElement && one !== document.body"), self.stop()
        stop = self.stop()
        if stop is not None:
            assert stop["isMarked"], f"no outline: {stop}"
            assert stop["isInSight"], f"out of sight: {stop}"
            assert not stop["isCovered"], f"something lies over it: {stop}"
            self.stops.append(stop)
        return stop

    def tab_to(self, selector, key="Tab", most=60):
        """Tab until ``selector`` has the focus."""
        for _step in range(most):
            self.tab(key)
            if self.is_on(selector):
                return
        raise AssertionError(f"{selector} is not reached by {key}: {[stop['name'] for stop in self.stops[-most:]]}")

    def whole_round(self, most=120):
        """All stops from the document's begin to its end, which is reached: no part holds the focus."""
        self.page.evaluate("document.activeElement?.blur()")
        self.page.evaluate("getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus()")
        self.page.evaluate("document.body.removeAttribute('tabindex')")
        found = []
        for _step in range(most):
            stop = self.tab()
            if stop is None or (found and stop == found[0]):
                return found
            found.append(stop)
        raise AssertionError(f"no end after {most} stops: {[stop['name'] for stop in found[-10:]]}")


def out_of_order(stops):
    """Neighbours of which the later one stands above the earlier one, or left of it in the same line."""
    return [
        (before["name"], after["name"])
        for before, after in itertools.pairwise(stops)
        if before["part"] == after["part"] and not (before["isSticky"] or after["isSticky"]) and _is_back(before, after)
    ]


def _is_back(before, after):
    is_same_line = after["top"] < before["bottom"] and before["top"] < after["bottom"]
    return after["left"] < before["left"] if is_same_line else after["top"] < before["top"]

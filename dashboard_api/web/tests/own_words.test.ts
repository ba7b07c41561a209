// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { Words } from "../src/words/words";

const BUILT = new Map([["id", { "page.faults": "Gangguan", "page.lamp": "Lampu {id}" }]]);

describe("a city's own words", () => {
  it("go before the built ones, message by message, and are told to who draws", () => {
    const words = new Words(BUILT);
    const drawn = vi.fn();
    words.onChange(drawn);
    expect(words.hasOwn).toBe(false);
    words.setOwn("id", { "page.lamp": "Tiang {id}" });
    expect(words.hasOwn).toBe(true);
    expect(words.find("page.lamp", { id: "L-1" })).toBe("Tiang L-1");
    expect(words.find("page.faults")).toBe("Gangguan");
    expect(drawn).toHaveBeenCalledOnce();
  });

  it("of another language change nothing", () => {
    const words = new Words(BUILT);
    const drawn = vi.fn();
    words.onChange(drawn);
    words.setOwn("en", { "page.faults": "Troubles" });
    expect(words.find("page.faults")).toBe("Gangguan");
    expect(drawn).not.toHaveBeenCalled();
  });
});

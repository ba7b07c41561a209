import { expect, test } from "vitest";
import { addressOf, routeOf } from "../src/app/router";

const at = (path: string) => new URL(path, "http://city.test");

test("every view's address leads back to it, whatever its id is", () => {
  for (const id of ["L-00100", "PJU/17/3", "a b", "50%", "Ä?&#", "لامپ", "x".repeat(500)])
    for (const view of ["fault", "lamp", "cabinet"] as const)
      expect(routeOf(at(addressOf({ view, id }, at("/"))))).toEqual({ view, id });
});

test("the older addresses are understood", () => {
  expect(routeOf(at("/?fault=01AB"))).toEqual({ view: "fault", id: "01AB" });
  expect(routeOf(at("/?lamp=L-1"))).toEqual({ view: "lamp", id: "L-1" });
  expect(routeOf(at("/?lang=en"))).toEqual({ view: "list", id: "" });
  expect(routeOf(at("/lamp/50%"))).toEqual({ view: "lamp", id: "50%" });
});

test("the language that an address asks for stays in it", () => {
  expect(addressOf({ view: "lamp", id: "L-1" }, at("/?lang=en&fault=x"))).toBe("/lamp/L-1?lang=en");
});

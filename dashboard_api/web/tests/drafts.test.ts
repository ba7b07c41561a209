// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { draftOf, keepDraft } from "../src/city/drafts";

beforeEach(() => {
  localStorage.clear();
});

test("a draft is kept until it is emptied, and the oldest of many goes", () => {
  const text = (note: string) => ({ ...draftOf("nothing"), note });
  keepDraft("A", text("ladder"));
  expect(draftOf("A").note).toBe("ladder");
  for (let n = 0; n < 50; n += 1) keepDraft(`F${n}`, text("x"));
  expect(draftOf("A").note).toBe("");
  expect(draftOf("F49").note).toBe("x");
  keepDraft("F49", text(""));
  expect(localStorage.getItem("terang-drafts")).not.toContain("F49");
});

test("a storage that holds something else is no error", () => {
  localStorage.setItem("terang-drafts", "not JSON");
  expect(draftOf("A").note).toBe("");
});

// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { FirstAnswers } from "../src/city/first_answers";

function holding(text: string): void {
  const template = document.createElement("template");
  template.id = "first-answers";
  template.content.append(text);
  document.body.replaceChildren(template);
}

beforeEach(() => {
  document.body.replaceChildren();
});

test("each answer is taken once, and the city's now is that of this device and what the server adds", () => {
  const city = { name: "Kota Uji" };
  const answers = { "/city": city, "/summary": { n: 1 } };
  holding(JSON.stringify({ language: "id", words: { "page.lamp": "Lampu" }, ahead_s: -3600, answers }));
  const told = FirstAnswers.of(document);
  expect([told.language, told.words]).toEqual(["id", { "page.lamp": "Lampu" }]);
  expect(told.take("/summary")).toEqual({ n: 1 });
  expect(told.take("/summary")).toBeNull();
  const now = Date.parse(told.takeCity()?.now ?? "");
  expect(Math.abs(now - (Date.now() - 3_600_000))).toBeLessThan(2_000);
  expect(document.querySelector("#first-answers")).toBeNull();
});

test.each(["", "{", '{"answers": {"/ci'])("half a document is one without answers: %s", (text) => {
  holding(text);
  const told = FirstAnswers.of(document);
  expect([told.take("/city"), told.takeCity(), told.words]).toEqual([null, null, null]);
});

test("the plain document has none", () => {
  expect(FirstAnswers.of(document).takeCity()).toBeNull();
});

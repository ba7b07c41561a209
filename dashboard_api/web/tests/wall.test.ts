// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BriefFault, LiveRoom } from "../src/city/types";
import { shiftAt } from "../src/wall/burn_in";
import { signIn, takeToken } from "../src/wall/display_token";
import { isWhole, NewBuild } from "../src/wall/new_build";
import { fitting, widthOf } from "../src/wall/fitting";
import { Line } from "../src/wall/line";
import type { Question, Reply } from "../src/wall/question";
import { EVERY_MS, PATIENCE_MS, Refused, REFUSED_EVERY_MS, RETRY_MS, RoomLink } from "../src/wall/room_link";
import { nextStop, stopsOf } from "../src/wall/stops";

const fault = (id: string, longitude: number | null, latitude = 0.79) => ({ id, longitude, latitude }) as BriefFault;

// --- the token -----------------------------------------------------------------------------------------------------------

test.each([
  ["https://a.id/live#token=abc", "abc", "/live"],
  ["https://a.id/live?token=abc&lang=id", "abc", "/live?lang=id"],
  ["https://a.id/live?lang=id#token=%20abc%0a&x=1", "abc", "/live?lang=id#x=1"],
  ["https://a.id/live#token=", null, "/live"],
  ["https://a.id/live?lang=en", null, "/live?lang=en"],
])("a token is taken out of %s", (address, token, rest) => {
  expect(takeToken(new URL(address))).toEqual({ token, rest });
});

const answers =
  (me: [number, object], session: number, sent: string[] = []) =>
  (path: string, init?: RequestInit): Promise<Response> => {
    sent.push(`${init?.method ?? "GET"} ${path}`);
    const [status, body] = path === "/me" ? me : [session, {}];
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  };

test("a token is exchanged, also where an older token's session holds", async () => {
  const sent: string[] = [];
  expect(await signIn("t", answers([200, { kind: "token" }], 201, sent))).toBe("known");
  expect(sent).toEqual(["GET /me", "POST /session"]);
  expect(await signIn("t", answers([401, {}], 201))).toBe("known");
  expect(await signIn("t", answers([401, {}], 409))).toBe("known");
  expect(await signIn("t", answers([401, {}], 401))).toBe("refused");
  expect(await signIn(null, answers([401, {}], 201))).toBe("refused");
});

test("nobody at a desk is signed out by a display's address", async () => {
  for (const kind of ["user", "local"]) {
    const sent: string[] = [];
    expect(await signIn("t", answers([200, { kind }], 201, sent))).toBe("known");
    expect(sent).toEqual(["GET /me"]);
  }
});

test("a server that is away keeps the token for later", async () => {
  expect(await signIn("t", answers([503, {}], 201))).toBe("unreachable");
  expect(await signIn("t", answers([401, {}], 503))).toBe("unreachable");
  expect(await signIn("t", answers([401, {}], 429))).toBe("unreachable");
  expect(await signIn("t", () => Promise.reject(new TypeError("cut")))).toBe("unreachable");
});

// --- the tour ------------------------------------------------------------------------------------------------------------

test("the tour stops at the worst places, neighbours once, and six at most", () => {
  const near = 0.0005; // 56 m
  expect(stopsOf([fault("a", 102), fault("b", 102 + near), fault("c", null), fault("d", 102.1)])).toMatchObject([
    { fault: { id: "a" } },
    { fault: { id: "d" } },
  ]);
  expect(stopsOf(Array.from({ length: 12 }, (_, n) => fault(String(n), 102 + n / 10)))).toHaveLength(6);
});

test("the tour goes on in order, out to the city, and anew where its stop is gone", () => {
  const stops = stopsOf([fault("a", 102), fault("b", 103)]);
  expect(nextStop(stops, null)?.fault.id).toBe("a");
  expect(nextStop(stops, "a")?.fault.id).toBe("b");
  expect(nextStop(stops, "b")).toBeNull();
  expect(nextStop(stops, "gone")?.fault.id).toBe("a");
  expect(nextStop([], null)).toBeNull();
});

test("the board moves a little at a time, within its margin, and comes back", () => {
  const steps = Array.from({ length: 91 }, (_, n) => shiftAt(n));
  expect(Math.max(...steps.flat().map(Math.abs))).toBeLessThanOrEqual(0.7);
  expect(new Set(steps.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`)).size).toBeGreaterThan(40);
  expect(steps[90]?.[0]).toBeCloseTo(steps[0]?.[0] ?? 1);
});

// --- the link ------------------------------------------------------------------------------------------------------------

beforeEach(() => {
  vi.useFakeTimers();
  sessionStorage.clear();
});
afterEach(() => {
  vi.useRealTimers();
});

test("it asks for ever: whatever the answer was, the next question comes", async () => {
  const heard: string[] = [];
  const replies = [
    () => Promise.resolve({} as LiveRoom),
    () => Promise.reject(new Error("HTTP 500")),
    () => Promise.reject(new TypeError("cut")),
    () => Promise.reject(new Refused()),
    () => Promise.reject(new Error("HTTP 502")),
    () => Promise.resolve({} as LiveRoom),
  ];
  let n = 0;
  const link = new RoomLink(() => (replies[n++] ?? (() => Promise.resolve({} as LiveRoom)))(), {
    onRoom: () => heard.push("room"),
    onLost: () => heard.push("lost"),
    onRefused: () => heard.push("refused"),
  });
  link.start();
  await vi.advanceTimersByTimeAsync(EVERY_MS + RETRY_MS + RETRY_MS + REFUSED_EVERY_MS + RETRY_MS);
  expect(heard).toEqual(["room", "lost", "refused", "lost", "room"]);
});

test("a server that is back is seen within ten seconds", () => {
  expect(Math.max(RETRY_MS, PATIENCE_MS, REFUSED_EVERY_MS) + 4_000).toBeLessThan(10_000);
});

test("a question without an answer holds up no other, and the newest answer counts", async () => {
  const heard: string[] = [];
  const open: ((mark: string) => void)[] = [];
  const ask = () =>
    new Promise<LiveRoom>((done) => {
      open.push((mark) => {
        done({ mark } as LiveRoom);
      });
    });
  const link = new RoomLink(ask, {
    onRoom: ({ mark }) => heard.push(mark),
    onLost: () => heard.push("lost"),
    onRefused: () => heard.push("refused"),
  });
  link.start();
  await vi.advanceTimersByTimeAsync(2 * PATIENCE_MS);
  expect(heard).toEqual(["lost"]); // five seconds without a word
  expect(open).toHaveLength(3);
  open[2]?.("third");
  await vi.advanceTimersByTimeAsync(0);
  open[0]?.("first");
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(["lost", "third"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(open.length).toBeLessThanOrEqual(6); // four at once at most
});

// --- the line --------------------------------------------------------------------------------------------------------

class FakeWorker {
  onmessage: ((event: { data: Reply }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly asked: string[] = [];
  postMessage({ url }: Question): void {
    this.asked.push(url);
  }
  terminate(): void {
    this.asked.push("ended");
  }
}

test("a line asks a few things at once, the others after them, and none while it is cut", async () => {
  const made: FakeWorker[] = [];
  const line = new Line(2, () => {
    made.push(new FakeWorker());
    return made.at(-1) as unknown as Worker;
  });
  const answers = ["/a", "/b", "/c"].map((path) => line.ask(path, 1_000).then(({ status }) => status));
  expect(made.map(({ asked }) => asked.length)).toEqual([1, 1]);
  made[0]?.onmessage?.({ data: { status: 200, body: new ArrayBuffer(0) } });
  expect(await answers[0]).toBe(200);
  expect(made[0]?.asked[1]).toMatch(/\/c$/);
  line.cut();
  await expect(line.ask("/d", 1_000)).rejects.toThrow("/d");
  made[1]?.onmessage?.({ data: { status: 0, body: null } });
  await expect(answers[1]).rejects.toThrow("/b");
  made[0]?.onerror?.(); // a worker that ended is not used again
  await expect(answers[2]).rejects.toThrow("/c");
  line.mend();
  void line.ask("/e", 1_000);
  expect(made[1]?.asked[1]).toMatch(/\/e$/);
  expect(made[0]?.asked.at(-1)).toBe("ended");
});

// --- figures ---------------------------------------------------------------------------------------------------------

test("a figure is written as large as its place allows", () => {
  expect(fitting(["7"], 11, 4.2)).toBe("--size: 4.20");
  expect(Number(fitting(["1.234.567", "7"], 22, 7).slice(8)) * widthOf("1.234.567")).toBeLessThanOrEqual(22.05);
});

// --- another build -------------------------------------------------------------------------------------------------------

const page = '<meta name="build" content="b2"><script src="/assets/a.js"></script>';

test("a build is whole when its document and every file of it are there", async () => {
  const asked: string[] = [];
  const get = (path: string) => {
    asked.push(path);
    return Promise.resolve(path === "/live" ? page : "");
  };
  expect(await isWhole("b2", "/live", get)).toBe(true);
  expect(asked).toEqual(["/live", "/assets/a.js"]);
  expect(await isWhole("b3", "/live", get)).toBe(false); // a proxy still has the old document
  const half = (path: string) => (path === "/live" ? Promise.resolve(page) : Promise.reject(new Error("404")));
  expect(await isWhole("b2", "/live", half)).toBe(false);
});

test("the same build is loaded once in five minutes, and its own never", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(page)));
  const reload = vi.fn();
  const build = new NewBuild("b1", reload);
  await build.hear("b1");
  await build.hear(null);
  expect(reload).not.toHaveBeenCalled();
  await build.hear("b2");
  await build.hear("b2");
  await new NewBuild("b1", reload).hear("b2"); // loaded anew, and the proxy's document was the old one all the same
  expect(reload).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(300_000);
  await build.hear("b2");
  expect(reload).toHaveBeenCalledTimes(2);
  vi.unstubAllGlobals();
});

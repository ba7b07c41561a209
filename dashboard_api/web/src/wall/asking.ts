/**
 * Asks the server for one thing at a time, synchronously, in a worker. A browser opens six connections to a server, and one
 * that it tries to open into a network that drops everything blocks its place for two minutes, at the end of which it tries
 * once a minute. What a worker asks for synchronously gets a new connection whatever the others do.
 */

import type { Question, Reply } from "./question";

declare const self: DedicatedWorkerGlobalScope;

function replyTo({ url, timeoutMs }: Question): Reply {
  const request = new XMLHttpRequest();
  try {
    request.open("GET", url, false);
    request.responseType = "arraybuffer";
    request.timeout = timeoutMs;
    request.send();
    return { status: request.status, body: request.response as ArrayBuffer };
  } catch {
    return { status: 0, body: null };
  }
}

self.addEventListener("message", (event: MessageEvent<Question>) => {
  const reply = replyTo(event.data);
  self.postMessage(reply, reply.body ? [reply.body] : []);
});

/** What a page and the worker that asks for it tell each other. */

/** What to ask for. */
export interface Question {
  url: string;
  timeoutMs: number;
}

/** What came; `status` 0: nothing. */
export interface Reply {
  status: number;
  body: ArrayBuffer | null;
}

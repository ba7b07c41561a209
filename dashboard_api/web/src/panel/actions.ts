/** What a person can do about a fault. Each tap has an identity of its own, so that a repeat counts once. */

import { ulid } from "ulid";
import { post, Problem, Unreachable } from "../city/api";
import type { Action, ActionRequest, Fault, FaultState } from "../city/types";
import { fill, h } from "../dom";
import type { Page } from "./page";

/** The actions that lead on from each state; the server holds the same table and has the last word. */
const ALLOWED: Record<FaultState, readonly Exclude<Action, "start" | "cannot_repair">[]> = {
  open: ["acknowledge", "assign", "repair", "comment"],
  acknowledged: ["assign", "repair", "comment"],
  assigned: ["repair", "assign", "comment"],
  repaired: ["reopen", "comment"],
  closed: ["reopen", "comment"],
};

/** What stands in the form, kept while the fault is drawn anew under it. */
export interface Draft {
  note: string;
  assignee: string;
  message: string;
  isError: boolean;
  pending: { action: Action; actionId: string } | null;
}

export function emptyDraft(): Draft {
  return { note: "", assignee: "", message: "", isError: false, pending: null };
}

/** The fault as it is now, which a conflict's problem document carries. */
function faultOf(problem: Problem): Fault | null {
  const { fault } = problem.document;
  return typeof fault === "object" && fault !== null && "version" in fault ? (fault as Fault) : null;
}

/** The form under a fault; `taken` gets the fault after an action, or as it is now after a conflict. */
export function actionForm(fault: Fault, draft: Draft, page: Page, taken: (fault: Fault | null) => void): HTMLElement {
  const { words } = page;
  const message = h("p", { class: draft.isError ? "message error" : "message", role: "status" }, draft.message);
  const say = (text: string, isError: boolean) => {
    draft.message = text;
    draft.isError = isError;
    message.className = isError ? "message error" : "message";
    fill(message, text);
  };

  const send = async (action: Action) => {
    if (action === "assign" && !draft.assignee.trim()) {
      say(words.say("needs_assignee"), true);
      return;
    }
    if (action === "comment" && !draft.note.trim()) {
      say(words.say("needs_note"), true);
      return;
    }
    // the same tap again after a lost answer carries the same id: the server answers it as it did the first time
    if (draft.pending?.action !== action) draft.pending = { action, actionId: ulid() };
    const body: ActionRequest = {
      action_id: draft.pending.actionId,
      action,
      ...(draft.note.trim() ? { note: draft.note.trim() } : {}),
      ...(action === "assign" ? { assignee: draft.assignee.trim() } : {}),
      at: new Date(page.clock.nowMs()).toISOString(),
      if_version: fault.version,
    };
    try {
      const after = await post<Fault>(`/faults/${encodeURIComponent(fault.id)}/actions`, body);
      Object.assign(draft, emptyDraft());
      say(words.say("sent"), false);
      taken(after);
    } catch (error) {
      if (error instanceof Unreachable) say(words.say("not_sent"), true);
      else if (error instanceof Problem) {
        draft.pending = null;
        const isConflict = error.status === 409;
        say(isConflict ? words.say("conflict") : words.say("refused", { why: error.message }), true);
        if (isConflict) taken(faultOf(error));
      } else throw error;
    }
  };

  const buttons = ALLOWED[fault.state].map((action, row) => {
    const button = h(
      "button",
      {
        class: row === 0 ? "primary" : "",
        "data-action": action,
        click: () => {
          button.disabled = true;
          void send(action).finally(() => {
            button.disabled = false;
          });
        },
      },
      words.say(action),
    );
    return button;
  });
  const field = (name: "note" | "assignee", hint: string) =>
    h("input", {
      type: "text",
      name,
      placeholder: hint,
      "aria-label": hint,
      maxlength: 2000,
      value: draft[name],
      input: (event) => {
        draft[name] = (event.target as HTMLInputElement).value;
      },
    });
  return h(
    "div",
    { class: "actions" },
    field("note", words.say("note_hint")),
    ALLOWED[fault.state].includes("assign") && field("assignee", words.say("assignee_hint")),
    h("div", { class: "buttons" }, ...buttons),
    message,
  );
}

/** What a person has typed and not sent yet, kept on the device: leaving a page or losing it loses no word. */

const STORED = "terang-drafts";
const MOST = 50; // drafts; the oldest go first

/** The fields that a person types into. */
export const TYPED = ["note", "assignee", "cause", "part", "until"] as const;
export type Typed = Record<(typeof TYPED)[number], string>;

export interface Draft extends Typed {
  /** The request that went out without an answer: a repeat sends the very same one, and counts once. */
  pending: { key: string; body: Record<string, unknown> } | null;
}

const EMPTY: Draft = { note: "", assignee: "", cause: "", part: "", until: "", pending: null };

function all(): Record<string, Draft> {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return typeof read === "object" && read !== null ? (read as Record<string, Draft>) : {};
  } catch {
    return {}; // no storage, or not ours
  }
}

export function draftOf(id: string): Draft {
  return { ...EMPTY, ...all()[id] };
}

export function keepDraft(id: string, draft: Draft): void {
  const rest = Object.entries(all()).filter(([other]) => other !== id);
  const isEmpty = TYPED.every((name) => !draft[name]) && !draft.pending;
  const kept = isEmpty ? rest : [...rest, [id, draft] as const];
  try {
    localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(kept.slice(-MOST))));
  } catch {
    // a full or forbidden storage: the text stands in the form all the same
  }
}

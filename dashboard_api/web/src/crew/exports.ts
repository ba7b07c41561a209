/** The list as CSV and GPX, made on the phone so that both work with no network. Pure. */

import type { Fault } from "../city/types";

export interface ExportRow {
  fault: Fault;
  title: string;
  advice: string;
  state: string;
}

const COLUMNS = ["n", "priority", "title", "street", "lamp_id", "cabinet_id", "circuit", "district", "state"] as const;

/** A cell that no spreadsheet takes for a formula, quoted as RFC 4180 has it. */
export function cell(value: string | number | null): string {
  const text = value === null ? "" : String(value);
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(text);
  const safe = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvOf(rows: readonly ExportRow[]): string {
  const lines = rows.map(({ fault, title, state, advice }, row) =>
    [
      row + 1,
      fault.priority,
      title,
      fault.street,
      fault.lamp_id,
      fault.cabinet_id,
      fault.circuit,
      fault.district,
      state,
      fault.assignee,
      fault.opened_at,
      fault.latitude,
      fault.longitude,
      advice,
      fault.id,
    ]
      .map(cell)
      .join(","),
  );
  const head = [...COLUMNS, "assignee", "opened_at", "latitude", "longitude", "advice", "id"].join(",");
  return `\ufeff${[head, ...lines].join("\r\n")}\r\n`;
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as XML 1.0 can hold it: without control characters. */
function xml(text: string): string {
  const legal = Array.from(text).filter((c) => (c >= " " && c !== "\ufffe" && c !== "\uffff") || "\t\n\r".includes(c));
  return legal.join("").replace(/[&<>"]/g, (c) => ESCAPES[c] ?? c);
}

/** Waypoints in the list's order; faults without a position are left out. */
export function gpxOf(rows: readonly ExportRow[]): string {
  const points = rows.flatMap(({ fault, title, advice }, row) => {
    if (fault.latitude === null || fault.longitude === null) return [];
    const place = fault.lamp_id ?? fault.cabinet_id ?? "";
    const name = [`${row + 1}`, place, fault.street, title].filter(Boolean).join(" · ");
    return [
      `<wpt lat="${fault.latitude}" lon="${fault.longitude}"><time>${xml(fault.opened_at)}</time><name>${xml(name)}</name>` +
        `<cmt>${xml(fault.street ?? "")}</cmt><desc>${xml(`${title}: ${advice}`)}</desc><type>${xml(fault.code)}</type></wpt>`,
    ];
  });
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"';
  return `${head} creator="Terang">${points.join("\n")}</gpx>\n`;
}

/** Hand a file to the browser. */
export function save(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => {
    URL.revokeObjectURL(address);
  }, 60_000);
}

/** Words for what `evidence` may hold: its keys with their units, and the words that stand in it as values. */

export type Label = readonly [id: string, en: string, unit?: string];
type Pair = readonly [id: string, en: string];

export const LABELS: Record<string, Label> = {
  power_w: ["Daya terukur", "Power measured", "W"],
  expected_power_w: ["Daya yang diharapkan", "Power expected", "W"],
  expected_power_at_100_w: ["Daya pada 100 %", "Power at 100 %", "W"],
  learned_power_w: ["Daya sehat lampu ini", "This lamp's own healthy power", "W"],
  lamp_power_w: ["Daya satu lampu", "Power of one lamp", "W"],
  cabinet_power_w: ["Daya panel", "Power of the cabinet", "W"],
  lamps_power_w: ["Jumlah daya lampu", "Power of its lamps together", "W"],
  unmetered_power_w: ["Beban tanpa penjelasan", "Load unexplained", "W"],
  limit_w: ["Batas", "Limit", "W"],
  limit_v: ["Batas", "Limit", "V"],
  voltage_v: ["Tegangan terukur", "Voltage measured", "V"],
  current_a: ["Arus terukur", "Current measured", "A"],
  power_factor: ["Faktor daya terukur", "Power factor measured"],
  temperature_c: ["Suhu terukur", "Temperature measured", "°C"],
  level: ["Tingkat redup", "Dim level", "%"],
  samples: ["Pembacaan yang memastikan", "Readings that confirm it"],
  changes: ["Hidup-mati dalam 2 jam", "On-off changes in 2 h"],
  sweeps_since_repair: ["Sapuan sejak perbaikan", "Sweeps since the repair"],
  reopened: ["Kali dibuka lagi", "Times reopened"],
  since: ["Mulai", "Onset"],
  phase: ["Fasa", "Phase"],
  kind: ["Cara gagal", "Way of failing"],
  commanded: ["Diperintahkan", "Commanded"],
  contactor_closed: ["Kontaktor tertutup", "Contactor closed"],
  supply_present: ["Ada suplai", "Supply present"],
  door_open: ["Pintu terbuka", "Door open"],
  status: ["Status lampu", "Lamp's status"],
  quality: ["Jawaban terakhir", "Last answer"],
  load: ["Beban", "Load"],
  is_dark: ["Lampu padam", "Lamp is dark"],
  neighbours_answer: ["Tetangganya menjawab", "Its neighbours answer"],
  lamps_silent: ["Lampu diam", "Lamps silent"],
  lamps_without_voltage: ["Lampu tanpa tegangan", "Lamps without voltage"],
  lamps_answering: ["Lampu yang menjawab", "Lamps that answer"],
  lamps_dark: ["Perkiraan lampu mati", "Lamps dark, estimated"],
  lamps_dark_min: ["Paling sedikit", "At least"],
  lamps_dark_max: ["Paling banyak", "At most"],
  lamps_dark_uncertainty: ["Ketidakpastian, lampu", "Uncertainty, lamps"],
  silent_s: ["Diam selama", "Silent for"],
  interval_s: ["Jarak sapuan", "Sweep interval"],
  has_died: ["Pamit atau terputus dari broker", "Left or lost by the broker"],
  ambiguous: ["Tidak dapat dipastikan dari jauh", "Cannot be told apart from afar"],
  suspected_register_error: ["Kemungkinan data register salah", "The register is probably wrong"],
};

/** Values that are words. */
export const VALUES: Record<string, Pair> = {
  "load gone": ["hilang", "gone"],
  "load there": ["masih ada", "still there"],
  "load unknown": ["tak diketahui", "unknown"],
  "kind stuck_on": ["tidak mau membuka", "stuck on"],
  "kind stuck_off": ["tidak mau menutup", "stuck off"],
  "kind frozen": ["angka membeku", "figures frozen"],
  "kind impossible": ["angka mustahil", "figures impossible"],
  "commanded on": ["menyala", "on"],
  "commanded off": ["padam", "off"],
  "quality 0": ["baik", "good"],
  "quality 1": ["tidak ada", "none"],
  "quality 2": ["rusak", "garbled"],
  "quality 3": ["galat dari alat", "device exception"],
  "quality 4": ["tidak masuk akal", "implausible"],
};

/** The lamp node's status bits, lowest first; what is not set is not told. */
export const STATUS_BITS: readonly Pair[] = [
  ["relai tertutup", "relay closed"],
  ["driver rusak", "driver fault"],
  ["diredupkan karena panas", "derated by heat"],
  ["mati karena panas", "shut down by heat"],
  ["baru menyala ulang", "restarted"],
];

/** What a code is about: the measured quantity, and the one it is held against. Others are about power. */
export const ABOUT: Record<string, readonly [measured: string, expected?: string]> = {
  highTemperature: ["temperature_c"],
  powerFactorTooLow: ["power_factor"],
  supplyVoltageTooLow: ["voltage_v", "limit_v"],
  supplyVoltageTooHigh: ["voltage_v", "limit_v"],
  cyclingFailure: ["changes"],
  unmeteredLoad: ["unmetered_power_w", "limit_w"],
  circuitPowerTooLow: ["lamps_dark"],
  circuitFailure: ["lamps_silent"],
  cableFailure: ["lamps_silent"],
  busFailure: ["lamps_silent"],
  communicationFailure: ["silent_s"],
  controllerOffline: ["silent_s"],
};
export const ABOUT_POWER = ["power_w", "expected_power_w"] as const;

export const PRIORITY: Record<string, Pair> = {
  severity: ["Tingkat keparahan", "Severity"],
  danger: ["Bahaya", "Danger"],
  lamps: ["Banyaknya lampu", "Number of lamps"],
  road_class: ["Kelas jalan", "Road class"],
  age: ["Lamanya", "How long"],
  reports: ["Laporan warga", "Citizens' reports"],
};

/** Reasons of a priority, which the server words in English; `$1` is a figure. */
export const WHY_ID: readonly (readonly [en: RegExp, id: string])[] = [
  [/^live parts within reach$/, "bagian bertegangan terjangkau"],
  [/^a broken cable may be live or stolen$/, "kabel putus mungkin bertegangan atau dicuri"],
  [/^every street of the cabinet is dark$/, "semua jalan dari panel ini gelap"],
  [/^a whole circuit is dark$/, "satu sirkuit penuh gelap"],
  [/^the cabinet does not switch$/, "panel tidak menyakelar"],
  [/^(\d+) consecutive lamps dark$/, "$1 lampu berturut-turut mati"],
  [/^(\d+%) of the lamps around are dark$/, "$1 lampu di sekitarnya mati"],
  [/^critical$/, "kritis"],
  [/^major$/, "berat"],
  [/^minor$/, "ringan"],
  [/^warning$/, "peringatan"],
  [/^unknown$/, "tak diketahui"],
  [/^(main|arterial|primary)$/, "arteri"],
  [/^(collector|secondary)$/, "kolektor"],
  [/^local$/, "lokal"],
];

/** What telemetry notes on a timeline. */
export const NOTES_ID: Record<string, string> = {
  "the condition came back": "gejalanya kembali",
  "its cause is gone; it is judged on its own again": "sebabnya hilang; dinilai sendiri lagi",
  "explained by another fault": "dijelaskan oleh gangguan lain",
  "the repair is proved": "perbaikan terbukti",
  "the condition is gone": "gejalanya hilang",
  "no longer judged": "tidak dinilai lagi",
  "still dark after repair": "masih mati setelah diperbaiki",
};

// Matrices in their JSON form, as text: numbers of 64 bits cannot pass through JSON.stringify otherwise.

export const MAX = 2n ** 64n - 1n;
export const T0 = Date.UTC(2026, 2, 3, 22, 0, 0);
export const STEP = 60_000;

export const base64 = (key) => (key.length ? Buffer.from(key).toString("base64") : null);

// JSON.stringify, but BigInt becomes a number with all of its digits.
export function json(value) {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  if (value && typeof value === "object") {
    const fields = Object.entries(value).filter(([, v]) => v !== undefined);
    return `{${fields.map(([name, v]) => `${JSON.stringify(name)}:${json(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

export const times = (count, from = T0, step = STEP) => Array.from({ length: count }, (_, j) => from + j * step);

export function row(id, label, start, end, values, more = {}) {
  return { bucket_id: id, label: label || undefined, start: base64(start), end: base64(end), aggregate: false, route_count: 1, values, ...more };
}

export function matrix(rows, columns, more = {}) {
  return { column_unix_ms: columns, rows, series: "writes", generated_at: "2026-03-03T23:00:00.000000001Z", ...more };
}

// Four rows, ten columns: one of each kind of thing that the page has to show.
export function small() {
  const columns = times(10);
  const flat = (value) => columns.map(() => value);
  return matrix([
    row("route:1:dynamo", "dynamo", "", "m", columns.map((_, j) => (j === 3 ? MAX : j)), {
      raft_group_ids: flat(7), leader_terms: flat(2n ** 53n + 1n),
    }),
    row("route:1:redis", "redis", "", "m", columns.map((_, j) => 100 * j), {
      conflict: true, conflicts: columns.map((_, j) => j === 5), raft_group_ids: flat(7), leader_terms: flat(3),
    }),
    row("route:2", "", "m", [0xff, 0x00, 0x80], flat(5)),
    row(`virtual:${MAX}`, "", [0xff, 0x00, 0x80], "", flat(40), { aggregate: true, route_ids: [MAX - 5n, 11, 12], route_ids_truncated: true, route_count: 1234 }),
  ], columns);
}

// A store as it might be: 64 parts of one route by three labels, a sequential writer, a hot part, a daily wave.
export function lively(parts = 64, columns = 360) {
  const noise = random(7);
  const labels = ["dynamo", "redis", "s3", "sqs", "rawkv"];
  const rows = [];
  for (let i = 0; i < parts; i++) {
    const [lo, hi] = [`user/${String(i * 1000).padStart(6, "0")}`, `user/${String((i + 1) * 1000).padStart(6, "0")}`];
    const label = labels[Math.floor((i * labels.length) / parts)];
    const values = times(columns).map((_, j) => {
      const wave = 1 + Math.sin((j / columns) * 4 * Math.PI + (i * labels.length) / parts);
      const edge = Math.abs((j * parts) / columns - i) < 1 ? 40000 : 0;
      const hot = i === Math.floor(parts * 0.7) ? 9000 : 0;
      const burst = i % 13 === 5 && j % 90 > 80 ? 20000 : 0;
      return Math.floor((noise() < 0.12 ? 0 : 60 * wave * noise()) + edge + (hot + burst) * noise());
    });
    rows.push(row(`route:1:${label}#${i}`, label, lo, hi, values));
  }
  const pastEdge = rows[Math.floor(parts * 0.3)];
  pastEdge.conflict = true;
  pastEdge.conflicts = times(columns).map((_, j) => j > columns * 0.5 && j < columns * 0.6);
  rows.push(row(`virtual:${MAX}`, "", "vault/", "", times(columns).map(() => Math.floor(noise() * 30)), { aggregate: true, route_ids: [31, 32, 33], route_count: 3 }));
  return matrix(rows, times(columns));
}

export function livelyInsights(parts = 64) {
  return [
    { bucket_id: `route:1:sqs#${Math.floor(parts * 0.7)}`, verdict: "one cell", detail: "This part holds 61 % of the route's writes.", split_key_b64: base64("user/044812"), balance: 0.52 },
    { bucket_id: "route:1:dynamo#5", verdict: "periodic", detail: "Bursts every 90 columns." },
    { bucket_id: "route:1:redis#13", verdict: "moving edge", detail: "The hot part walks up the key axis: sequential writes. Cannot be split further here." },
    { bucket_id: `virtual:${MAX}`, verdict: "steady" },
  ];
}

// The size that has to open in a second.
export function large(rows = 1024, columns = 1440) {
  const noise = random(3);
  const made = Array.from({ length: rows }, (_, i) => {
    const key = (k) => `table/${String(k).padStart(8, "0")}`;
    const heat = i % 37 === 0 ? 50_000 : i % 5 === 0 ? 900 : 20;
    return row(`route:${i + 1}:redis`, "redis", key(i), key(i + 1), Array.from({ length: columns }, (_, j) => Math.floor(heat * noise() * (1 + Math.sin((i + j) / 60)))));
  });
  return matrix(made, times(columns));
}

// A linear congruential generator (Numerical Recipes' constants): the same picture on every run.
function random(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

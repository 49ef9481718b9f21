// One matrix of one series: what the page was given, checked, and kept up to date while it is live.

class Matrix {
  constructor(json) {
    const wrong = (what) => {
      throw new Error(`The matrix cannot be read: ${what}`);
    };
    if (!json || typeof json !== "object") wrong("it is not an object");
    if (!Array.isArray(json.column_unix_ms) || !json.column_unix_ms.every(Number.isSafeInteger)) wrong("column_unix_ms");
    if (!Array.isArray(json.rows)) wrong("rows");
    this.series = String(json.series ?? "writes");
    this.times = json.column_unix_ms;
    this.fanout = json.fanout ?? null;
    this.insights = Array.isArray(json.insights) ? json.insights : null;
    this.rows = json.rows.map((row, i) => readRow(row, this.times.length, (what) => wrong(`row ${i}: ${what}`)));
    this.rows.sort(byKeyThenId);
    this.measure();
  }

  // What follows from the times: in local time, the median distance of two, and where more than that is missing.
  measure() {
    this.localTimes = this.times.map(toLocal);
    const steps = this.times.slice(1).map((time, j) => time - this.times[j]);
    this.step = steps.slice().sort((a, b) => a - b)[steps.length >> 1] ?? 60000;
    this.gaps = steps.flatMap((ms, j) => (ms > 2.5 * this.step ? [{ column: j + 1, ms }] : []));
  }

  get labels() {
    return [...new Set(this.rows.map((row) => row.label))].sort();
  }

  // The column at that time; as nodes of a cluster answer, a column's time may move a little.
  columnAt(time) {
    let best = -1;
    this.times.forEach((t, j) => {
      if (best < 0 || Math.abs(t - time) < Math.abs(this.times[best] - time)) best = j;
    });
    return best >= 0 && Math.abs(this.times[best] - time) <= this.step / 2 ? best : -1;
  }

  // Takes what `later` says of the columns from the time `since` on, and keeps the rest.
  // Returns the first column that is not as it was, and whether there are new rows.
  update(later, since) {
    const keep = this.times.findIndex((time) => time >= since);
    const kept = keep < 0 ? this.times.length : keep;
    let changed = kept + commonLength(this.times.slice(kept), later.times);
    const replies = new Map(later.rows.map((row) => [row.id, row]));
    const zeros = new Array(later.times.length).fill(0);
    for (const row of this.rows) {
      const reply = replies.get(row.id);
      replies.delete(row.id);
      const values = reply?.values ?? zeros;
      changed = Math.min(changed, kept + commonLength(row.values.slice(kept), values));
      for (const name of CELL_FIELDS) {
        const tail = name === "values" ? values : (reply?.[name] ?? null);
        if (name === "conflicts" && !sameFlags(row[name], tail, kept, later.times.length)) changed = Math.min(changed, kept);
        if (!row[name] && !tail) continue;
        row[name] = (row[name] ?? new Array(kept).fill(0)).slice(0, kept).concat(tail ?? zeros);
      }
      if (reply) row.conflict ||= reply.conflict;
    }
    for (const row of replies.values()) {
      for (const name of CELL_FIELDS) if (row[name]) row[name] = new Array(kept).fill(0).concat(row[name]);
      this.rows.push(row);
    }
    if (replies.size) this.rows.sort(byKeyThenId);
    this.times = this.times.slice(0, kept).concat(later.times);
    this.fanout = later.fanout;
    this.insights = later.insights ?? this.insights;
    this.measure();
    return { changed, newRows: replies.size > 0 };
  }

  // Lets the oldest columns go.
  dropColumns(count) {
    this.times = this.times.slice(count);
    for (const row of this.rows) {
      for (const name of CELL_FIELDS) if (row[name]) row[name] = row[name].slice(count);
    }
    this.measure();
  }
}

// What a row has per column.
const CELL_FIELDS = ["values", "conflicts", "groups", "terms"];

function readRow(json, columns, wrong) {
  if (!json || typeof json.bucket_id !== "string") wrong("bucket_id");
  const perColumn = (name, valid) => {
    const array = json[name];
    if (array === undefined || array === null || (name !== "values" && array.length === 0)) return null;
    if (!Array.isArray(array) || array.length !== columns) wrong(`${name} has not one entry per column`);
    if (!array.every(valid)) wrong(name);
    return array;
  };
  const label = String(json.label ?? "");
  return {
    id: json.bucket_id,
    name: rowName(json.bucket_id, label),
    label,
    start: bytesOf(json.start),
    end: bytesOf(json.end),
    aggregate: json.aggregate === true,
    routeIds: json.route_ids ?? [],
    routeIdsTruncated: json.route_ids_truncated === true,
    routeCount: json.route_count ?? 1,
    conflict: json.conflict === true,
    values: perColumn("values", isInteger) ?? wrong("values"),
    conflicts: perColumn("conflicts", (flag) => typeof flag === "boolean"),
    groups: perColumn("raft_group_ids", isInteger),
    terms: perColumn("leader_terms", isInteger),
  };
}

function byKeyThenId(a, b) {
  return compareBytes(a.start, b.start) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function commonLength(a, b) {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

function sameFlags(flags, tail, kept, count) {
  for (let j = 0; j < count; j++) if (!flags?.[kept + j] !== !tail?.[j]) return false;
  return true;
}

// The hottest keys of the pinned row's route, asked of the server.

class HotKeys {
  constructor(place, url, ask) {
    this.place = place;
    this.url = url;
    this.ask = ask;
    this.current = null;
    this.running = null;
  }

  // Shows the keys of a row, or nothing for null. The row on show stays as it is until new numbers are there.
  async show(row, series) {
    this.running?.abort();
    const route = row && parseRowId(row.id);
    const wanted = row && `${row.id} ${series}`;
    this.place.hidden = !row;
    if (!row) {
      this.current = null;
      return;
    }
    if (wanted !== this.current) this.put(element("p", { class: "muted" }, "Asking …"));
    this.current = wanted;
    if (route.kind !== "route") {
      this.put(element("p", { class: "muted" }, "A row of several routes has no hot keys."));
      return;
    }
    const running = new AbortController();
    this.running = running;
    try {
      const reply = await this.ask(this.url, {
        route_id: route.route,
        label: row.label || null,
        sub_bucket: route.subBucket,
        series: series.startsWith("read") ? "reads" : "writes",
      }, running.signal);
      if (this.running === running) this.put(...hotKeyElements(reply));
    } catch (error) {
      if (this.running === running && !running.signal.aborted) this.put(element("p", { class: "warning" }, `No hot keys: ${error.message}`));
    }
  }

  put(...children) {
    this.place.replaceChildren(element("h2", {}, "Hot keys"), ...children.filter(Boolean));
  }
}

function hotKeyElements(reply) {
  if (!Array.isArray(reply.keys)) throw new Error("the reply has no keys");
  const missing = missingNodes(reply.fanout);
  const notes = [
    `Approximate: each count is within ${exact(reply.error_bound ?? 0)}`,
    `${exact(reply.sampled_n ?? 0)} sampled, 1 in ${exact(reply.sample_rate ?? 1)}`,
    reply.snapshot_at ? `as of ${snapshotTime(reply.snapshot_at)}` : "",
  ];
  const lost = [
    Number(reply.dropped_samples) ? `${exact(reply.dropped_samples)} samples dropped` : "",
    Number(reply.skipped_long_keys) ? `${exact(reply.skipped_long_keys)} keys too long to keep` : "",
    missing.length ? `${missing.length} node${missing.length > 1 ? "s" : ""} did not answer` : "",
  ].filter(Boolean);
  return [
    reply.degraded ? element("p", { class: "warning" }, "Degraded" + (lost.length ? ": " + lost.join(", ") : "")) : null,
    reply.keys.length ? hotKeyTable(reply) : element("p", { class: "muted" }, "No traffic in the last window."),
    element("p", { class: "muted" }, notes.filter(Boolean).join(" · ")),
  ];
}

function hotKeyTable(reply) {
  const greatest = Math.max(1, ...reply.keys.map((entry) => Number(entry.count)));
  const rows = reply.keys.map((entry) => {
    const key = readableKey(bytesOf(entry.key_b64)) || "(empty key)";
    const share = element("span", { class: "share" });
    share.style.width = `${(100 * Number(entry.count)) / greatest}%`;
    const bounds = `${exact(entry.count_low ?? entry.count)} – ${exact(entry.count_high ?? entry.count)}`;
    return element("tr", {},
      element("td", { class: "key", title: key }, cutMiddle(key, 64), share),
      element("td", { class: "number" }, exact(entry.count), element("span", { class: "bounds" }, bounds)));
  });
  const counted = element("th", { scope: "col" }, seriesName(reply.series ?? "writes"), element("span", { class: "bounds" }, "least – most"));
  const head = element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Key"), counted));
  return element("table", {}, head, element("tbody", {}, ...rows));
}

// Unix ms or RFC 3339.
function snapshotTime(at) {
  const ms = typeof at === "number" ? at : Date.parse(at);
  return Number.isFinite(ms) ? localTime(ms) : String(at);
}

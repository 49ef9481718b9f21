"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SERIES = [["reads", "reads"], ["writes", "writes"], ["readBytes", "read bytes"], ["writeBytes", "write bytes"]];
  const byId = (id) => document.getElementById(id);
  const map = byId("map"), tip = byId("tip"), seriesPicker = byId("series"), scalePicker = byId("scale");

  // Counters have 64 bits: sums and texts are BigInt, only colours are floats.
  for (const row of data.rows) {
    row.total = {};
    for (const [series] of SERIES) {
      row[series] = row[series].map(BigInt);
      row.total[series] = row[series].reduce((a, b) => a + b, 0n);
    }
  }
  const exact = (n) => n.toLocaleString("en");
  // compact writes three digits with an SI prefix, since "B" would read as bytes.
  const compact = (n) => {
    let value = Number(n), prefix = 0;
    while (value >= 999.5) { value /= 1000; prefix++; }
    return Number(value.toPrecision(3)) + ["", "k", "M", "G", "T", "P", "E", "Z"][prefix];
  };

  const nameOfSeries = (series) => SERIES.find(([s]) => s === series)[1];
  const two = (n) => String(n).padStart(2, "0");
  const clockTime = (ms) => { const t = new Date(ms); return two(t.getHours()) + ":" + two(t.getMinutes()) + ":" + two(t.getSeconds()); };
  const day = (ms) => { const t = new Date(ms); return t.getFullYear() + "-" + two(t.getMonth() + 1) + "-" + two(t.getDate()); };
  const tickText = (j) => data.scaled ? String(j + 1) : clockTime(data.columns[j].start);
  const windowText = (j) => {
    const w = data.columns[j];
    return data.scaled ? "column " + (j + 1) + " of " + data.columns.length
      : day(w.start) + " " + clockTime(w.start) + " to " + clockTime(w.at) + " (" + ((w.at - w.start) / 1000).toFixed(1) + " s)";
  };
  const keysText = (row) => (row.start || "first key") + " to " + (row.end || "last key");

  let theme, layout, maximum = 0, cell = null;

  function readTheme() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const stops = color("--ramp").split(",").map((s) => {
      const n = parseInt(s.trim().slice(1), 16);
      return [n >> 16, n >> 8 & 255, n & 255];
    });
    return { page: color("--page"), ink: color("--ink"), muted: color("--muted"), none: color("--none"), focus: color("--focus"), stops };
  }

  // shade gives the colour at t, from 0 to 1.
  function shade(t) {
    const at = Math.min(1, Math.max(0, t)) * (theme.stops.length - 1);
    const i = Math.min(Math.floor(at), theme.stops.length - 2);
    const mix = theme.stops[i].map((c, k) => Math.round(c + (theme.stops[i + 1][k] - c) * (at - i)));
    return "rgb(" + mix.join(",") + ")";
  }

  const logarithmic = () => scalePicker.value === "log";
  const position = (v) => logarithmic() ? Math.log1p(v) / Math.log1p(maximum) : v / maximum;
  const valueAt = (t) => logarithmic() ? Math.expm1(t * Math.log1p(maximum)) : t * maximum;

  function sized(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + "px";
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    return g;
  }

  function draw() {
    theme = readTheme();
    const series = seriesPicker.value;
    maximum = Number(data.rows.reduce((m, row) => row[series].reduce((a, b) => a > b ? a : b, m), 0n));
    drawLegend(series);

    const rows = data.rows.length, columns = data.columns.length;
    const width = map.parentElement.clientWidth;
    const rowHeight = Math.max(16, Math.min(48, 480 / Math.max(1, rows)));
    const axis = 34;
    const g = sized(map, width, rows * rowHeight + axis);
    g.font = "12px system-ui, sans-serif";
    g.textBaseline = "middle";
    const widest = (texts) => Math.min(220, texts.reduce((w, text) => Math.max(w, g.measureText(text).width), 0));
    const totals = data.rows.map((row) => compact(row.total[series]));
    const left = widest(data.rows.map((row) => row.name)) + 12;
    const right = Math.max(widest(totals), g.measureText("total").width) + 12;
    layout = { left, rowHeight, rows, columns, plotWidth: width - left - right };
    const x = (j) => Math.round(left + j * layout.plotWidth / columns);
    const gap = layout.plotWidth / columns >= 5 ? 1 : 0;

    data.rows.forEach((row, i) => {
      const top = Math.round(i * rowHeight), height = Math.round((i + 1) * rowHeight) - top - 1;
      g.fillStyle = theme.ink;
      g.textAlign = "left";
      g.fillText(row.name, 0, top + height / 2, left - 12);
      g.textAlign = "right";
      g.fillText(totals[i], width, top + height / 2, right - 12);
      row[series].forEach((value, j) => {
        g.fillStyle = value === 0n ? theme.none : shade(position(Number(value)));
        g.fillRect(x(j), top, Math.max(1, x(j + 1) - x(j) - gap), height);
      });
    });

    const bottom = rows * rowHeight;
    g.fillStyle = theme.muted;
    g.textAlign = "right";
    g.fillText("total", width, bottom + 12);
    g.textAlign = "left";
    const every = Math.max(1, Math.ceil(80 / (layout.plotWidth / columns)));
    for (let j = 0; j < columns; j += every) {
      g.fillRect(x(j), bottom, 1, 5);
      const text = tickText(j);
      if (x(j) + g.measureText(text).width <= left + layout.plotWidth) g.fillText(text, x(j), bottom + 12);
    }
    if (columns > 0) g.fillText(data.scaled ? "column" : day(data.columns[0].start), left, bottom + 27);

    if (cell) {
      // A light and a dark line: one of them shows on any colour.
      const box = [x(cell.j), Math.round(cell.i * rowHeight), Math.max(2, x(cell.j + 1) - x(cell.j) - gap), Math.round(rowHeight) - 1];
      for (const [color, thickness] of [[theme.page, 5], [theme.focus, 2]]) {
        g.strokeStyle = color;
        g.lineWidth = thickness;
        g.strokeRect(...box);
      }
    }
  }

  function drawLegend(series) {
    byId("unit").textContent = nameOfSeries(series) + " per column";
    const ramp = byId("ramp"), width = ramp.parentElement.clientWidth;
    const first = 24, thickness = 10; // where the ramp begins, right of the swatch for 0
    const g = sized(ramp, width, 28);
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "top";
    const text = (label, px, align) => {
      g.fillStyle = theme.muted;
      g.textAlign = align;
      g.fillText(label, px, thickness + 5);
    };
    g.fillStyle = theme.none;
    g.fillRect(0, 0, first - 4, thickness);
    text("0", (first - 4) / 2, "center");
    if (maximum === 0) return;
    for (let px = first; px < width; px++) {
      g.fillStyle = shade((px - first) / (width - 1 - first));
      g.fillRect(px, 0, 1, thickness);
    }
    for (const t of [1 / 3, 2 / 3, 1]) {
      text(compact(valueAt(t)), first + t * (width - first), t === 1 ? "right" : "center");
    }
  }

  function element(name, text, className) {
    const e = document.createElement(name);
    e.textContent = text;
    if (className) e.className = className;
    return e;
  }

  function select(next) {
    if (next && cell && next.i === cell.i && next.j === cell.j) return;
    cell = next;
    draw();
    tip.hidden = !cell;
    if (!cell) return;
    const row = data.rows[cell.i], list = document.createElement("dl");
    for (const [series, name] of SERIES) {
      const className = series === seriesPicker.value ? "chosen" : "";
      list.append(element("dt", name, className), element("dd", exact(row[series][cell.j]), className));
    }
    tip.replaceChildren(element("b", row.name), element("span", windowText(cell.j), "when"), list);
    const center = layout.left + (cell.j + 0.5) * layout.plotWidth / layout.columns;
    const wide = map.parentElement.clientWidth - tip.offsetWidth;
    tip.style.left = Math.max(0, Math.min(wide, center - tip.offsetWidth / 2)) + "px";
    tip.style.top = (cell.i + 1) * layout.rowHeight + 6 + "px";
  }

  const clamp = (n, count) => Math.max(0, Math.min(count - 1, n));

  map.addEventListener("pointermove", (event) => {
    const box = map.getBoundingClientRect();
    const j = Math.floor((event.clientX - box.left - layout.left) / layout.plotWidth * layout.columns);
    const i = Math.floor((event.clientY - box.top) / layout.rowHeight);
    select(i >= 0 && i < layout.rows && j >= 0 && j < layout.columns ? { i, j } : null);
  });
  map.addEventListener("pointerleave", () => select(null));
  map.addEventListener("blur", () => select(null));
  map.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!move || layout.rows === 0) return;
    event.preventDefault();
    const from = cell || { i: 0, j: 0 };
    select({ i: clamp(from.i + move[0], layout.rows), j: clamp(from.j + move[1], layout.columns) });
  });
  seriesPicker.addEventListener("change", draw);
  scalePicker.addEventListener("change", draw);
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  byId("totals").tBodies[0].append(...data.rows.map((row) => {
    const line = document.createElement("tr");
    line.append(element("td", row.name), element("td", keysText(row)),
      ...SERIES.map(([series]) => element("td", exact(row.total[series]))));
    return line;
  }));

  // The page opens on the series with the most requests, so that a trace of
  // writes alone does not greet with an empty map.
  const requests = (series) => data.rows.reduce((sum, row) => sum + row.total[series], 0n);
  if (requests("writes") > requests("reads")) seriesPicker.value = "writes";
  if (data.rows.length === 0) {
    byId("empty").hidden = false;
    byId("plot").hidden = true;
  }
  draw();
})();

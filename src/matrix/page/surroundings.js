// What stands around the cells: tip, extent, legend, labels, pinned cell.

function showTip(app) {
  const tip = byId("tip");
  const { cursor, chart, matrix, levels, view } = app;
  tip.hidden = !cursor || !app.tipAt;
  if (tip.hidden) return;
  const row = levels.rows[cursor.row];
  const insight = insightFor(app.insights(), row, matrix.series);
  tip.replaceChildren(
    element("strong", {}, row.name, " ", element("span", { class: "members-mark" }, membersMark(row))),
    factList(cellFacts(matrix, row, cursor.column)),
    ...(insight ? insightLines(insight).filter(Boolean) : []));
  const point = app.tipAt === "cursor"
    ? { x: chart.xOf(cursor.column + 1, view), y: chart.yOf(cursor.row + 1, view) }
    : app.tipAt;
  const { offsetWidth: width, offsetHeight: height } = tip;
  const x = point.x + 16 + width > chart.width ? point.x - 16 - width : point.x + 16;
  const y = point.y + 16 + height > chart.height ? point.y - 16 - height : point.y + 16;
  tip.style.transform = `translate(${Math.max(2, Math.min(chart.width - width - 2, Math.round(x)))}px, ${Math.max(2, Math.round(y))}px)`;
}

function showExtent(matrix, levels, view) {
  const { times } = matrix;
  if (!times.length || !levels.rows.length) {
    byId("extent").textContent = "";
    return;
  }
  const [first, last] = [Math.floor(view.x0), Math.min(times.length, Math.ceil(view.x1)) - 1];
  const [top, bottom] = [Math.floor(view.y0), Math.min(levels.rows.length, Math.ceil(view.y1)) - 1];
  const seconds = times.length > 1 && Number(times[1]) - Number(times[0]) < 60_000;
  const time = (column) => localTime(times[column]).slice(0, seconds ? 19 : 16);
  byId("extent").textContent = `Rows ${exact(top + 1)}–${exact(bottom + 1)} of ${exact(levels.rows.length)} · `
    + `columns ${exact(first + 1)}–${exact(last + 1)} of ${exact(times.length)} · `
    + `${time(first)} – ${time(last)}`;
}

function showEmpty(app) {
  const { levels, matrix } = app;
  const empty = byId("empty");
  empty.hidden = levels.columns > 0 && levels.rows.length > 0;
  if (!empty.hidden) empty.textContent = matrix.times.length ? "No rows: no route had traffic." : "No columns yet: the first one comes when a step is over.";
}

function showLegend(matrix, levels) {
  byId("legend-conflict").hidden = !levels.hasConflicts;
  byId("legend-members").hidden = !levels.rows.some((row) => row.aggregate);
  const { scale } = levels;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((t) => approximately(scale.valueAt(t), matrix.series));
  const text = ticks.join(" ");
  const place = byId("ramp-ticks");
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.replaceChildren(...ticks.map((tick) => element("span", {}, tick)));
  byId("legend").setAttribute("aria-label", `Legend: dark is little, bright is much. ${seriesName(matrix.series)} from 0 to ${ticks.at(-1)} and more.`);
}

function drawRamp(palette) {
  const ctx = byId("ramp").getContext("2d");
  const image = ctx.createImageData(254, 1);
  new Uint32Array(image.data.buffer).set(palette.subarray(2));
  ctx.putImageData(image, 0, 0);
}

// A button per label: none pressed shows all rows, else the rows of the pressed ones are shown.
function showLabels(matrix, chosen, change) {
  const place = byId("labels");
  const { labels } = matrix;
  place.hidden = labels.length === 0;
  const counts = new Map();
  for (const row of matrix.rows) counts.set(row.label, (counts.get(row.label) ?? 0) + 1);
  const buttons = labels.map((label) => {
    const band = element("span", { class: "band" });
    band.style.background = labelColour(label);
    return element("button", {
      type: "button",
      class: "label",
      data: { label },
      aria: { pressed: chosen.has(label) },
      onclick: () => {
        if (!chosen.delete(label)) chosen.add(label);
        change();
      },
    }, band, labelName(label), element("span", { class: "count" }, exact(counts.get(label))));
  });
  const focused = document.activeElement?.dataset?.label;
  place.replaceChildren(element("span", { class: "muted" }, "Labels"), ...buttons);
  buttons.find((button) => focused !== undefined && button.dataset.label === focused)?.focus();
}

function showPinned(app) {
  const place = byId("pinned");
  const pinned = app.pinned();
  if (!pinned) {
    const text = app.pin ? "The pinned cell is no longer in the window." : "Point at a cell for its numbers; click to pin it.";
    place.replaceChildren(element("h2", {}, "Pinned cell"), element("p", { class: "muted" }, text));
    return;
  }
  const { row, column } = pinned;
  const insight = insightFor(app.insights(), row, app.matrix.series);
  const band = element("span", { class: "band" });
  band.style.background = labelColour(row.label);
  place.replaceChildren(
    element("h2", {}, "Pinned cell", element("button", { type: "button", class: "unpin", aria: { label: "Let the pinned cell go" }, onclick: () => app.pinCell(null) }, "✕")),
    element("p", { class: "row-name" }, band, row.name, " ", element("span", { class: "members-mark" }, membersMark(row))),
    factList([...cellFacts(app.matrix, row, column), ...rowFacts(app.matrix, row)]),
    ...(insight ? insightLines(insight).filter(Boolean) : []));
}

function showNodes(matrix) {
  const missing = missingNodes(matrix.fanout);
  if (!missing.length) {
    banner("nodes");
    return;
  }
  const { nodes, responded, expected } = matrix.fanout;
  const list = missing.map((node) => element("li", {}, element("b", {}, String(node.node)), node.error ? `: ${node.error}` : ""));
  banner("nodes",
    element("span", {}, `${responded ?? nodes.length - missing.length} of ${expected ?? nodes.length} nodes answered; what is shown lacks the traffic of:`),
    element("ul", {}, ...list));
}

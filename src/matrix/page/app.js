// The page's state, and what changes it. Everything that is seen follows from: the matrix, the labels filtered for, the
// scale, the view, the cursor and the pinned cell.

class App {
  constructor(chart, settings) {
    this.chart = chart;
    this.settings = settings; // {scale, brightness, labels: Set}
    this.matrix = null;
    this.times = []; // of the columns on show; the matrix may have others by now
    this.levels = null;
    this.view = new View();
    this.cursor = null; // {row, column} among the rows shown
    this.pin = null; // {id, time}: what stays the same when rows and columns come and go
    this.box = null;
    this.frame = 0;
    this.pinChanged = () => {};
  }

  // Shows a matrix. What was in sight and what was pinned stay, as far as they are in this one too.
  // `from`: the first column that changed, where the matrix is the one on show and has no new rows.
  setMatrix(matrix, from = 0) {
    const anchor = this.anchor();
    const fresh = this.matrix === null;
    this.matrix = matrix;
    this.times = matrix.times;
    for (const label of this.settings.labels) if (!matrix.labels.includes(label)) this.settings.labels.delete(label);
    this.updateLevels(from);
    this.view.resize(this.levels.columns, this.levels.rows.length);
    if (fresh) this.view.showAll();
    else this.returnTo(anchor);
    if (this.cursor) this.cursor = this.inBounds(this.cursor) ? this.cursor : null;
    this.changed();
  }

  // The rows shown, and their colours. Columns before `from` are as they were.
  updateLevels(from = 0) {
    const { labels } = this.settings;
    const columns = this.matrix.times.length;
    const rows = labels.size ? this.matrix.rows.filter((row) => labels.has(row.label)) : this.matrix.rows;
    let greatest = 0;
    for (const row of rows) for (const value of row.values) greatest = Math.max(greatest, Number(value));
    const scale = new Scale(this.settings.scale, this.settings.brightness, greatest);
    if (from > 0 && this.levels.scale.equals(scale) && this.levels.fits(columns)) this.levels.set(from, columns);
    else this.levels = new Levels(rows, columns, scale);
  }

  // The scale or the filter was changed.
  restyle() {
    if (!this.matrix) return;
    const anchor = this.anchor();
    this.updateLevels();
    this.view.resize(this.levels.columns, this.levels.rows.length);
    this.returnTo(anchor);
    if (this.cursor && !this.inBounds(this.cursor)) this.cursor = null;
    this.changed();
  }

  // The corner of the view, by time and row id.
  anchor() {
    const { levels, view } = this;
    if (!levels || !levels.columns || !levels.rows.length) return null;
    const [j, i] = [Math.floor(view.x0), Math.floor(view.y0)];
    return { time: this.times[j], x: view.x0 - j, id: levels.rows[i].id, y: view.y0 - i, whole: view.showsAll };
  }

  returnTo(anchor) {
    if (!anchor || anchor.whole) return;
    const { view } = this;
    const column = this.matrix.columnAt(anchor.time);
    const row = this.levels.rows.findIndex((r) => r.id === anchor.id);
    const moveTo = (axis, to) => view.setAxis(axis, to, to + view[axis + "1"] - view[axis + "0"]);
    if (column >= 0 && view.x1 - view.x0 < view.size.x) moveTo("x", column + anchor.x);
    if (row >= 0 && view.y1 - view.y0 < view.size.y) moveTo("y", row + anchor.y);
  }

  inBounds({ row, column }) {
    return row < this.levels.rows.length && column < this.levels.columns;
  }

  zoom(axis, factor, at) {
    if (!this.matrix) return;
    this.view.zoom(axis, factor, at);
    this.changed();
  }

  pan(axis, fraction) {
    if (!this.matrix) return;
    this.view.pan(axis, fraction);
    this.changed();
  }

  showAll() {
    this.view.showAll();
    this.changed();
  }

  showBox(box) {
    this.box = box;
    this.changed(false);
  }

  zoomToBox(box) {
    this.box = null;
    const { view, chart } = this;
    const [a, b] = [chart.locate(box.x0, box.y0), chart.locate(box.x1, box.y1)];
    const [w, h] = [view.x1 - view.x0, view.y1 - view.y0];
    view.setAxis("x", view.x0 + a.fx * w, view.x0 + b.fx * w);
    view.setAxis("y", view.y0 + a.fy * h, view.y0 + b.fy * h);
    this.changed();
  }

  // The pointer is over that cell (or none), at that point of the stage.
  hover(cell, point) {
    this.cursor = cell;
    this.tipAt = cell ? point : null;
    this.changed(false);
  }

  // Moves the cursor by cells, from the middle of the view if there is none.
  step(columns, rows) {
    const { view, levels } = this;
    if (!levels || !levels.columns || !levels.rows.length) return;
    const from = this.cursor ?? { column: Math.floor((view.x0 + view.x1) / 2), row: Math.floor((view.y0 + view.y1) / 2) };
    const clamp = (value, size) => Math.max(0, Math.min(size - 1, value));
    this.cursor = { column: clamp(from.column + columns, levels.columns), row: clamp(from.row + rows, levels.rows.length) };
    view.reveal(this.cursor.column, this.cursor.row);
    this.tipAt = "cursor";
    const row = levels.rows[this.cursor.row];
    byId("announce").textContent = [row.name, ...cellFacts(this.matrix, row, this.cursor.column).map((fact) => fact.join(" "))].join(", ");
    this.changed();
  }

  click(cell) {
    if (!cell) return;
    const row = this.levels.rows[cell.row];
    const time = this.matrix.times[cell.column];
    this.pinCell(this.pin && this.pin.id === row.id && this.pin.time === time ? null : { id: row.id, time });
  }

  pinCell(pin) {
    this.pin = pin;
    this.pinChanged();
    this.changed(false);
  }

  // Pins the row where it is hottest, and shows it.
  pinRow(row) {
    let column = 0;
    row.values.forEach((value, j) => {
      if (Number(value) > Number(row.values[column])) column = j;
    });
    if (this.settings.labels.size && !this.settings.labels.has(row.label)) this.settings.labels.clear();
    this.restyle();
    if (!row.values.length) return;
    this.view.reveal(column, this.levels.rows.indexOf(row));
    this.pinCell({ id: row.id, time: this.matrix.times[column] });
    this.changed();
  }

  // The pinned cell as it is now: {row (the object), column}; null if nothing is pinned or it is gone.
  pinned() {
    if (!this.pin || !this.matrix) return null;
    const row = this.matrix.rows.find((r) => r.id === this.pin.id);
    const column = this.matrix.columnAt(this.pin.time);
    return row && column >= 0 ? { row, column } : null;
  }

  // Draws with the next frame; `cells`: also what is below the lines.
  changed(cells = true) {
    this.stale ||= cells;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    if (!this.levels) return;
    const { chart, levels, view, matrix } = this;
    if (this.stale) chart.drawCells(levels, view);
    this.stale = false;
    const pinned = this.pinned();
    const pinRow = pinned ? levels.rows.indexOf(pinned.row) : -1;
    const pin = pinRow >= 0 ? { row: pinRow, column: pinned.column } : null;
    chart.drawOverlay(matrix, levels, view, { cursor: this.cursor, pin, box: this.box });
    showExtent(matrix, levels, view);
    showTip(this);
    showEmpty(this);
    showLegend(matrix, levels);
  }
}

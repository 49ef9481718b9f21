// The heatmap on the screen: one canvas with the cells and, above it, one with all that is lines and text. The pointer
// moving redraws the second only.

const AXIS = 38; // px below the cells
const BAR = 6; // px of the scroll marks
const MOST_PIXELS = 4e6; // of the cells' canvas; a larger screen gets coarser pixels

class Chart {
  constructor(stage) {
    this.stage = stage;
    this.cells = stage.querySelector("#cells");
    this.overlay = stage.querySelector("#overlay");
    this.palette = palettePixels();
    this.image = null;
  }

  // Takes the stage's size; all in CSS px.
  layout() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const gutter = Math.round(Math.max(96, Math.min(340, width * 0.27)));
    this.width = width;
    this.height = height;
    this.plot = { x: gutter, y: 0, width: Math.max(16, width - gutter - BAR - 4), height: Math.max(16, height - AXIS - BAR - 4) };
    const ratio = window.devicePixelRatio || 1;
    this.ratio = ratio;
    const cellRatio = Math.min(ratio, Math.sqrt(MOST_PIXELS / (this.plot.width * this.plot.height)));
    this.cells.width = Math.round(this.plot.width * cellRatio);
    this.cells.height = Math.round(this.plot.height * cellRatio);
    this.cells.style.left = `${this.plot.x}px`;
    this.cells.style.top = `${this.plot.y}px`;
    this.cells.style.width = `${this.plot.width}px`;
    this.cells.style.height = `${this.plot.height}px`;
    this.overlay.width = Math.round(width * ratio);
    this.overlay.height = Math.round(height * ratio);
    this.image = new ImageData(this.cells.width, this.cells.height);
  }

  takeTheme() {
    const style = getComputedStyle(document.documentElement);
    const css = (name) => style.getPropertyValue(name).trim();
    this.colours = { text: css("--text"), muted: css("--muted"), line: css("--line"), strip: css("--strip"), accent: css("--accent") };
    this.font = css("--font");
    this.mono = css("--mono");
  }

  drawCells(levels, view) {
    if (levels.columns === 0 || levels.rows.length === 0) this.image.data.fill(0);
    else drawCells(this.image, levels, view, this.palette);
    this.cells.getContext("2d").putImageData(this.image, 0, 0);
  }

  // The fractions of the plot at a point of the stage, and whether it is within.
  locate(x, y) {
    const fx = (x - this.plot.x) / this.plot.width;
    const fy = (y - this.plot.y) / this.plot.height;
    return { fx, fy, inX: fx >= 0 && fx < 1, inY: fy >= 0 && fy < 1 };
  }

  // The hottest of the cells under a point: the one whose colour is seen there.
  cellAt(x, y, levels, view) {
    const { fx, fy, inX, inY } = this.locate(x, y);
    if (!inX || !inY || levels.columns === 0 || levels.rows.length === 0) return null;
    const { width, height } = this.cells;
    const under = view.cellsUnder(Math.floor(fx * width), Math.floor(fy * height), width, height);
    let best = null;
    for (let row = under.top; row < under.bottom; row++) {
      for (let column = under.left; column < under.right; column++) {
        const value = Number(levels.rows[row].values[column]);
        if (best === null || value > best.value) best = { row, column, value };
      }
    }
    return best && { row: best.row, column: best.column };
  }

  xOf(column, view) {
    return this.plot.x + ((column - view.x0) / (view.x1 - view.x0)) * this.plot.width;
  }

  yOf(row, view) {
    return this.plot.y + ((row - view.y0) / (view.y1 - view.y0)) * this.plot.height;
  }

  // `marks`: {cursor, pin, box}; cursor and pin are {row, column}, box is in CSS px.
  drawOverlay(matrix, levels, view, marks) {
    const ctx = this.overlay.getContext("2d");
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    if (levels.columns === 0 || levels.rows.length === 0) return;
    ctx.textBaseline = "middle";
    this.drawTimeAxis(ctx, matrix, view);
    this.drawKeyAxis(ctx, levels.rows, view);
    this.drawScrollMarks(ctx, view);
    if (marks.cursor) this.drawReadouts(ctx, matrix, levels.rows, view, marks.cursor);
    this.drawOutline(ctx, view, marks.cursor, "#ffffff", 1);
    this.drawOutline(ctx, view, marks.pin, "#ff4f9a", 2);
    if (marks.box) this.drawBox(ctx, marks.box);
  }

  drawTimeAxis(ctx, matrix, view) {
    const bottom = this.plot.y + this.plot.height;
    ctx.font = `11px ${this.font}`;
    ctx.textAlign = "left";
    for (const tick of timeTicks(matrix.times, view, this.plot.width, 84)) {
      const x = this.xOf(tick.column, view);
      ctx.fillStyle = this.colours.line;
      ctx.fillRect(Math.round(x), bottom, 1, 7);
      ctx.fillStyle = this.colours.muted;
      if (x + 4 + ctx.measureText(tick.text).width > this.width) continue;
      ctx.fillText(tick.text, x + 4, bottom + 10);
      if (tick.day && x + 4 + ctx.measureText(tick.day).width <= this.width) ctx.fillText(tick.day, x + 4, bottom + 24);
    }
    ctx.fillStyle = "rgba(255, 255, 255, 0.55)";
    for (const gap of matrix.gaps) {
      const x = Math.round(this.xOf(gap.column, view));
      if (x <= this.plot.x || x >= this.plot.x + this.plot.width) continue;
      for (let y = this.plot.y; y < bottom; y += 6) ctx.fillRect(x, y, 1, Math.min(3, bottom - y));
    }
    ctx.textAlign = "right";
    ctx.fillStyle = this.colours.muted;
    ctx.fillText(cutToWidth(ctx, "local time", this.plot.x - 20), this.plot.x - 10, bottom + 10);
  }

  // One line of text per row where there is room, else for one row in each slot of text height.
  drawKeyAxis(ctx, rows, view) {
    const top = Math.max(0, Math.floor(view.y0));
    const end = Math.min(rows.length, Math.ceil(view.y1));
    const rowHeight = this.plot.height / (view.y1 - view.y0);
    const band = 6;
    const right = this.plot.x - band - 3;
    for (let i = top; i < end; i++) {
      const y0 = Math.max(this.plot.y, this.yOf(i, view));
      const y1 = Math.min(this.plot.y + this.plot.height, this.yOf(i + 1, view));
      ctx.fillStyle = labelColour(rows[i].label);
      ctx.fillRect(right + 1, y0, band, Math.max(0.5, y1 - y0 - (rowHeight > 6 ? 1 : 0)));
    }
    const every = Math.max(1, Math.ceil(16 / rowHeight));
    let shownKey = null;
    for (let i = Math.ceil(top / every) * every; i < end; i += every) {
      const y = this.yOf(i, view) + (every === 1 ? rowHeight / 2 : 0);
      if (y < this.plot.y + 7 && every > 1 && i > 0) continue;
      if (y > this.plot.y + this.plot.height - 4) continue;
      const key = startText(rows[i].start);
      this.drawRowText(ctx, rows[i], key === shownKey ? "" : key, Math.max(y, this.plot.y + 8), right, this.colours.muted, this.colours.text);
      shownKey = key;
    }
  }

  drawRowText(ctx, row, key, y, right, keyColour, nameColour) {
    const mark = membersMark(row);
    const wide = this.plot.x > 200;
    ctx.textAlign = "right";
    ctx.font = `600 10px ${this.font}`;
    const markWidth = mark ? ctx.measureText(mark).width + 6 : 0;
    ctx.fillStyle = this.colours.accent;
    if (mark) ctx.fillText(mark, right - 3, y);
    ctx.font = `11px ${this.font}`;
    ctx.fillStyle = nameColour;
    const nameRoom = (wide ? right * 0.58 : right - 6) - markWidth;
    ctx.fillText(cutToWidth(ctx, row.name, nameRoom), right - 3 - markWidth, y);
    if (!wide) return;
    ctx.textAlign = "left";
    ctx.font = `10.5px ${this.mono}`;
    ctx.fillStyle = keyColour;
    ctx.fillText(cutToWidth(ctx, key, right * 0.4 - 8), 4, y);
  }

  // Row and time of the cursor, on the axes.
  drawReadouts(ctx, matrix, rows, view, cursor) {
    const row = rows[cursor.row];
    if (!row) return;
    const bottom = this.plot.y + this.plot.height;
    const middle = (this.yOf(cursor.row, view) + this.yOf(cursor.row + 1, view)) / 2;
    const y = Math.max(this.plot.y + 9, Math.min(bottom - 9, middle));
    const right = this.plot.x - 9;
    ctx.fillStyle = this.colours.strip;
    ctx.fillRect(0, y - 9, right, 18);
    this.drawRowText(ctx, row, startText(row.start), y, right, this.colours.text, this.colours.text);
    ctx.font = `11px ${this.font}`;
    ctx.textAlign = "center";
    const text = localTime(matrix.times[cursor.column]).slice(0, 19);
    const half = ctx.measureText(text).width / 2 + 6;
    const centre = (this.xOf(cursor.column, view) + this.xOf(cursor.column + 1, view)) / 2;
    const x = Math.max(half, Math.min(this.width - half, centre));
    ctx.fillStyle = this.colours.strip;
    ctx.fillRect(x - half, bottom + 2, 2 * half, 17);
    ctx.fillStyle = this.colours.text;
    ctx.fillText(text, x, bottom + 10.5);
  }

  // Where in the whole the view lies.
  drawScrollMarks(ctx, view) {
    const mark = (axis, x, y, length, across) => {
      const from = (view[axis + "0"] / view.size[axis]) * length;
      const span = ((view[axis + "1"] - view[axis + "0"]) / view.size[axis]) * length;
      ctx.fillStyle = this.colours.line;
      ctx.fillRect(x, y, across ? length : BAR - 2, across ? BAR - 2 : length);
      ctx.fillStyle = this.colours.accent;
      ctx.fillRect(x + (across ? from : 0), y + (across ? 0 : from), across ? Math.max(3, span) : BAR - 2, across ? BAR - 2 : Math.max(3, span));
    };
    const { plot } = this;
    if (view.x1 - view.x0 < view.size.x) mark("x", plot.x, this.height - BAR, plot.width, true);
    if (view.y1 - view.y0 < view.size.y) mark("y", plot.x + plot.width + 4, plot.y, plot.height, false);
  }

  drawOutline(ctx, view, cell, colour, width) {
    if (!cell) return;
    const x0 = this.xOf(cell.column, view);
    const y0 = this.yOf(cell.row, view);
    const w = Math.max(3, this.xOf(cell.column + 1, view) - x0);
    const h = Math.max(3, this.yOf(cell.row + 1, view) - y0);
    ctx.save();
    ctx.beginPath();
    ctx.rect(this.plot.x, this.plot.y, this.plot.width, this.plot.height);
    ctx.clip();
    ctx.strokeStyle = "#000000";
    ctx.lineWidth = width + 2;
    ctx.strokeRect(x0, y0, w, h);
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.strokeRect(x0, y0, w, h);
    ctx.restore();
  }

  drawBox(ctx, { x0, y0, x1, y1 }) {
    ctx.fillStyle = "rgba(255, 255, 255, 0.15)";
    ctx.fillRect(x0, y0, x1 - x0, y1 - y0);
    ctx.strokeStyle = "#ffffff";
    ctx.lineWidth = 1;
    ctx.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
}

// The text, its middle left out as far as the room demands.
function cutToWidth(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let fits = 1;
  let not = Math.min(text.length, 400);
  while (not - fits > 1) {
    const middle = (fits + not) >> 1;
    if (ctx.measureText(cutMiddle(text, middle)).width <= room) fits = middle;
    else not = middle;
  }
  return cutMiddle(text, fits);
}

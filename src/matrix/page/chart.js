// The heatmap on the screen: one canvas with the cells and, above it, one with all that is lines and text. The pointer
// moving redraws the second only.

const AXIS = 38; // px below the cells
const BAR = 6; // px of the scroll marks
const BAND = 6; // px of the labels' band
const TALL = 34; // px of a row that has two lines of text
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
    const gutter = Math.round(width < 560 ? 138 : Math.max(230, Math.min(340, width * 0.27)));
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
    const readouts = marks.cursor && this.readouts(ctx, matrix, view, marks.cursor);
    this.drawTimeAxis(ctx, matrix, view, readouts);
    this.drawGaps(ctx, matrix.gaps, view);
    this.drawKeyAxis(ctx, levels.rows, view, readouts);
    this.drawScrollMarks(ctx, view);
    if (readouts) this.drawReadouts(ctx, levels.rows[marks.cursor.row], readouts);
    this.drawOutline(ctx, view, marks.cursor, "#ffffff", 1);
    this.drawOutline(ctx, view, marks.pin, "#ff4f9a", 2);
    if (marks.box) this.drawBox(ctx, marks.box);
  }

  drawTimeAxis(ctx, matrix, view, readouts) {
    const bottom = this.plot.y + this.plot.height;
    ctx.font = `11px ${this.font}`;
    ctx.textAlign = "left";
    for (const tick of timeTicks(matrix, view, this.plot.width, 84)) {
      const x = this.xOf(tick.column, view);
      ctx.fillStyle = this.colours.line;
      ctx.fillRect(Math.round(x), bottom, 1, 7);
      ctx.fillStyle = this.colours.muted;
      const end = x + 4 + ctx.measureText(tick.text).width;
      const hidden = readouts && end > readouts.x - readouts.half && x < readouts.x + readouts.half;
      if (end <= this.width && !hidden) ctx.fillText(tick.text, x + 4, bottom + 10);
      if (tick.day && x + 4 + ctx.measureText(tick.day).width <= this.width) ctx.fillText(tick.day, x + 4, bottom + 25);
    }
    ctx.textAlign = "right";
    ctx.fillStyle = this.colours.muted;
    ctx.fillText("local time", this.plot.x - 12, bottom + 10);
  }

  // A line, of black and white dashes, where time is missing.
  drawGaps(ctx, gaps, view) {
    for (const { column } of gaps) {
      const x = Math.round(this.xOf(column, view));
      if (x <= this.plot.x || x >= this.plot.x + this.plot.width) continue;
      for (let y = 0; y < this.plot.height; y += 4) {
        ctx.fillStyle = y % 8 ? "#000000" : "#ffffff";
        ctx.fillRect(x - 1, this.plot.y + y, 2, Math.min(4, this.plot.height - y));
      }
    }
  }

  // Text for each row that has room for it, else for the first in each slot of text height.
  drawKeyAxis(ctx, rows, view, readouts) {
    const top = Math.max(0, Math.floor(view.y0));
    const end = Math.min(rows.length, Math.ceil(view.y1));
    const bottom = this.plot.y + this.plot.height;
    const rowHeight = this.plot.height / (view.y1 - view.y0);
    for (let i = top; i < end; i++) {
      const y0 = Math.max(this.plot.y, this.yOf(i, view));
      const y1 = Math.min(bottom, this.yOf(i + 1, view));
      ctx.fillStyle = labelColour(rows[i].label);
      ctx.fillRect(this.plot.x - BAND - 2, y0, BAND, Math.max(0.5, y1 - y0 - (rowHeight > 6 ? 1 : 0)));
    }
    const every = Math.max(1, Math.ceil(16 / rowHeight));
    let lastY = -Infinity;
    let lastKey = null;
    for (let i = Math.ceil(top / every) * every; i < end; i += every) {
      const y = this.rowTextY(i, view);
      if (y - lastY < 15) continue;
      lastY = y;
      if (readouts && Math.abs(y - readouts.y) < 16) continue;
      const key = startText(rows[i].start);
      this.drawRowText(ctx, rows[i], key === lastKey ? "" : key, y, rowHeight >= TALL, this.colours.muted);
      lastKey = key;
    }
  }

  // The middle of the part of a row that is in sight, moved so that its text is.
  rowTextY(i, view) {
    const [top, bottom] = [this.plot.y, this.plot.y + this.plot.height];
    const middle = (Math.max(top, this.yOf(i, view)) + Math.min(bottom, this.yOf(i + 1, view))) / 2;
    return Math.max(top + 8, Math.min(bottom - 8, middle));
  }

  // The row's name, and the key that it starts with: below the name if `tall`, else to the left if there is room.
  drawRowText(ctx, row, key, y, tall, keyColour) {
    const right = this.plot.x - BAND - 7;
    const aside = !tall && this.plot.x > 200;
    const nameY = tall && key ? y - 8 : y;
    const mark = membersMark(row);
    ctx.textAlign = "right";
    ctx.font = `600 10px ${this.font}`;
    const markWidth = mark ? ctx.measureText(mark).width + 6 : 0;
    ctx.fillStyle = this.colours.accent;
    if (mark) ctx.fillText(mark, right, nameY);
    ctx.font = `11px ${this.font}`;
    ctx.fillStyle = this.colours.text;
    ctx.fillText(cutToWidth(ctx, row.name, (aside ? right * 0.58 : right - 4) - markWidth), right - markWidth, nameY);
    if (!key || !(tall || aside)) return;
    ctx.font = `10.5px ${this.mono}`;
    ctx.fillStyle = keyColour;
    ctx.textAlign = tall ? "right" : "left";
    ctx.fillText(cutToWidth(ctx, key, tall ? right - 4 : right * 0.4 - 8), tall ? right : 4, tall ? y + 7 : y);
  }

  // Where row and time of the cursor stand on the axes.
  readouts(ctx, matrix, view, cursor) {
    ctx.font = `11px ${this.font}`;
    const time = localTime(matrix.times[cursor.column]).slice(0, 19);
    const half = ctx.measureText(time).width / 2 + 6;
    const centre = (this.xOf(cursor.column, view) + this.xOf(cursor.column + 1, view)) / 2;
    const tall = this.plot.height / (view.y1 - view.y0) >= TALL;
    return { time, half, x: Math.max(half, Math.min(this.width - half, centre)), y: this.rowTextY(cursor.row, view), tall };
  }

  drawReadouts(ctx, row, { time, half, x, y, tall }) {
    const bottom = this.plot.y + this.plot.height;
    ctx.fillStyle = this.colours.strip;
    ctx.fillRect(0, y - (tall ? 17 : 9), this.plot.x - BAND - 3, tall ? 34 : 18);
    ctx.fillRect(x - half, bottom + 2, 2 * half, 17);
    this.drawRowText(ctx, row, startText(row.start), y, tall, this.colours.text);
    ctx.font = `11px ${this.font}`;
    ctx.textAlign = "center";
    ctx.fillStyle = this.colours.text;
    ctx.fillText(time, x, bottom + 10.5);
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

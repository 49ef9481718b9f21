// The part of the matrix that is in sight: columns [x0, x1) and rows [y0, y1), as fractions of cells.

const FEWEST = { x: 4, y: 2 };

class View {
  constructor() {
    this.size = { x: 0, y: 0 };
    this.showAll();
  }

  showAll() {
    Object.assign(this, { x0: 0, x1: this.size.x, y0: 0, y1: this.size.y });
  }

  get showsAll() {
    return this.x0 === 0 && this.y0 === 0 && this.x1 === this.size.x && this.y1 === this.size.y;
  }

  // The matrix has another size now: an axis that was shown whole stays whole, else the view stays where it is.
  resize(columns, rows) {
    const whole = { x: this.x0 === 0 && this.x1 === this.size.x, y: this.y0 === 0 && this.y1 === this.size.y };
    this.size = { x: columns, y: rows };
    for (const axis of ["x", "y"]) {
      if (whole[axis]) this.setAxis(axis, 0, this.size[axis]);
      else this.setAxis(axis, this[axis + "0"], this[axis + "1"]);
    }
  }

  // The closest to [from, to) that lies in the matrix.
  setAxis(axis, from, to) {
    const size = this.size[axis];
    const span = Math.min(size, Math.max(to - from, FEWEST[axis]));
    const start = Math.max(0, Math.min(size - span, from + (to - from - span) / 2));
    this[axis + "0"] = start;
    this[axis + "1"] = span === size ? size : start + span;
  }

  // Zooms by `factor` (above 1: closer); what is at `at`, a fraction of the axis in sight, stays there.
  zoom(axis, factor, at) {
    const span = this[axis + "1"] - this[axis + "0"];
    const point = this[axis + "0"] + at * span;
    const next = Math.min(this.size[axis], Math.max(span / factor, Math.min(FEWEST[axis], span)));
    this.setAxis(axis, point - at * next, point + (1 - at) * next);
  }

  // Moves by a fraction of what is in sight.
  pan(axis, fraction) {
    const by = fraction * (this[axis + "1"] - this[axis + "0"]);
    this.setAxis(axis, this[axis + "0"] + by, this[axis + "1"] + by);
  }

  // Moves as little as shows that cell.
  reveal(column, row) {
    for (const [axis, cell] of [["x", column], ["y", row]]) {
      const span = this[axis + "1"] - this[axis + "0"];
      if (cell < this[axis + "0"]) this.setAxis(axis, cell, cell + span);
      else if (cell + 1 > this[axis + "1"]) this.setAxis(axis, cell + 1 - span, cell + 1);
    }
  }

  // The cells that a pixel of the drawing shows: columns [left, right) and rows [top, bottom).
  cellsUnder(px, py, width, height) {
    const [left, right] = cellsOfPixel(this.x0, (this.x1 - this.x0) / width, px);
    const [top, bottom] = cellsOfPixel(this.y0, (this.y1 - this.y0) / height, py);
    return { left, right: Math.min(right, this.size.x), top, bottom: Math.min(bottom, this.size.y) };
  }
}

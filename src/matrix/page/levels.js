// The level of every cell of the rows that are shown, computed once per scale, and its reductions for looking at it from
// afar: in a reduction by fx x fy each entry is the greatest level of a block of cells, so that no hot cell vanishes.
// Bit 8 of an entry says that a cell of the block is in conflict.

const CONFLICT = 0x100;

class Levels {
  constructor(rows, columns, scale) {
    this.rows = rows;
    this.columns = 0;
    this.stride = Math.max(1, columns + (columns >> 2) + 16);
    this.cells = new Uint16Array(this.stride * rows.length);
    this.scale = scale;
    this.reductions = new Map();
    this.hasConflicts = false;
    this.set(0, columns);
  }

  fits(columns) {
    return columns <= this.stride;
  }

  // Computes the columns from `from` on.
  set(from, columns) {
    this.rows.forEach((row, i) => {
      for (let j = from, at = i * this.stride + from; j < columns; j++, at++) {
        const conflict = row.conflicts !== null && row.conflicts[j];
        if (conflict) this.hasConflicts = true;
        this.cells[at] = this.scale.level(Number(row.values[j])) | (conflict ? CONFLICT : 0);
      }
    });
    this.columns = columns;
    this.reductions.clear();
  }

  reduced(fx, fy) {
    if (fx === 1 && fy === 1) return { cells: this.cells, stride: this.stride, columns: this.columns, rows: this.rows.length };
    const name = `${fx}x${fy}`;
    if (!this.reductions.has(name)) this.reductions.set(name, this.reduce(fx, fy));
    return this.reductions.get(name);
  }

  reduce(fx, fy) {
    const columns = Math.ceil(this.columns / fx);
    const rows = Math.ceil(this.rows.length / fy);
    const cells = new Uint16Array(columns * rows);
    for (let i = 0; i < this.rows.length; i++) {
      const out = Math.floor(i / fy) * columns;
      for (let j = 0, at = i * this.stride; j < this.columns; j++, at++) {
        const to = out + Math.floor(j / fx);
        cells[to] = hotter(cells[to], this.cells[at]);
      }
    }
    return { cells, stride: columns, columns, rows };
  }
}

function hotter(a, b) {
  return Math.max(a & 0xff, b & 0xff) | ((a | b) & CONFLICT);
}

// Draws a view of the levels, pixel by pixel: where a pixel lies in one cell, that cell; where it stands for several, the
// hottest. What is drawn is then exactly what cellsUnder() of the view says is there.

const HATCH = 0xffffffff;

function drawCells(image, levels, view, palette) {
  const pixels = new Uint32Array(image.data.buffer);
  const { width, height } = image;
  const perX = (view.x1 - view.x0) / width;
  const perY = (view.y1 - view.y0) / height;
  const fx = reductionFor(perX);
  const fy = reductionFor(perY);
  const source = levels.reduced(fx, fy);
  const [left, right] = spans(width, view.x0 / fx, perX / fx, source.columns);
  const [top, bottom] = spans(height, view.y0 / fy, perY / fy, source.rows);
  const line = new Uint16Array(width);
  for (let y = 0; y < height; y++) {
    const same = y > 0 && top[y] === top[y - 1] && bottom[y] === bottom[y - 1];
    if (!same) readLine(line, source, left, right, top[y], bottom[y]);
    const at = y * width;
    if (same && !levels.hasConflicts) {
      pixels.copyWithin(at, at - width, at);
      continue;
    }
    for (let x = 0; x < width; x++) {
      const cell = line[x];
      pixels[at + x] = cell & CONFLICT && (x + y) % 6 < 2 ? HATCH : palette[cell & 0xff];
    }
  }
}

// The largest power of two that is at most `cellsPerPixel`: then a pixel has three blocks at most to look at.
function reductionFor(cellsPerPixel) {
  return cellsPerPixel < 2 ? 1 : 2 ** Math.floor(Math.log2(cellsPerPixel));
}

// For each pixel, the first and one past the last entry under it.
function spans(pixels, begin, perPixel, entries) {
  const first = new Int32Array(pixels);
  const end = new Int32Array(pixels);
  for (let p = 0; p < pixels; p++) {
    const [a, b] = spanOf(begin, perPixel, p);
    first[p] = Math.min(a, entries - 1);
    end[p] = Math.min(b, entries);
  }
  return [first, end];
}

// The cells that one pixel shows: [first, end) along one axis.
function cellsOfPixel(begin, perPixel, pixel) {
  const factor = reductionFor(perPixel);
  return spanOf(begin / factor, perPixel / factor, pixel).map((entry) => entry * factor);
}

// A pixel that is smaller than an entry shows the one at its middle; a larger one all that it touches.
function spanOf(begin, perPixel, pixel) {
  if (perPixel <= 1) {
    const entry = Math.floor(begin + (pixel + 0.5) * perPixel);
    return [entry, entry + 1];
  }
  return [Math.floor(begin + pixel * perPixel), Math.ceil(begin + (pixel + 1) * perPixel)];
}

function readLine(line, source, left, right, top, bottom) {
  for (let x = 0; x < line.length; x++) {
    let cell = source.cells[top * source.stride + left[x]];
    if (right[x] - left[x] > 1 || bottom - top > 1) {
      for (let i = top; i < bottom; i++) {
        for (let at = i * source.stride + left[x], stop = i * source.stride + right[x]; at < stop; at++) {
          cell = hotter(cell, source.cells[at]);
        }
      }
    }
    line[x] = cell;
  }
}

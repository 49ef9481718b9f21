// From a value to one of 256 levels: 0 is "none", 1 to 255 go through the palette. Brightness moves the white point, the
// smallest value that is drawn in the hottest colour, by powers of two.

class Scale {
  constructor(kind, brightness, greatest) {
    this.log = kind === "log";
    this.white = Math.max(greatest, 1) / 2 ** brightness;
    this.unit = 254 / (this.log ? Math.log1p(this.white) : this.white);
  }

  level(value) {
    if (value <= 0) return 0;
    return 1 + Math.min(254, Math.round((this.log ? Math.log1p(value) : value) * this.unit));
  }

  // The value at the fraction `t` of the way through the palette.
  valueAt(t) {
    return this.log ? Math.expm1(t * Math.log1p(this.white)) : t * this.white;
  }

  equals(other) {
    return other !== null && this.log === other.log && this.white === other.white;
  }
}

// The palette as the machine's pixels (little-endian RGBA). PALETTE comes from the library: 255 colours, RRGGBB each.
function palettePixels() {
  const pixels = new Uint32Array(256);
  const pixel = (rgb) => (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
  pixels[0] = pixel(parseInt(NO_TRAFFIC, 16));
  for (let i = 0; i < 255; i++) pixels[i + 1] = pixel(parseInt(PALETTE.slice(6 * i, 6 * i + 6), 16));
  return pixels;
}

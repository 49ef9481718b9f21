// JSON with 64-bit integers. A JavaScript number is exact up to 2^53 only, so an integer of 16 digits or more is kept as
// a string of its digits: an "integer" everywhere in this page is a number or such a string.

const STRING_FRACTION_OR_LONG_INTEGER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+[.eE][\d.eE+-]*|-?\d{16,}/g;

function parseJson(text) {
  if (/\d{16}/.test(text)) {
    text = text.replace(STRING_FRACTION_OR_LONG_INTEGER, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token));
  }
  return JSON.parse(text);
}

function isInteger(value) {
  return Number.isSafeInteger(value) || (typeof value === "string" && /^-?\d{1,20}$/.test(value));
}

function sumExactly(integers) {
  let small = 0;
  let large = 0n;
  for (const value of integers) {
    if (typeof value === "string") large += BigInt(value);
    else if ((small += value) > 2 ** 52) {
      large += BigInt(small);
      small = 0;
    }
  }
  return large + BigInt(small);
}

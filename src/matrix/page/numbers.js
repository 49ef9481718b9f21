// Numbers and times as people read them.

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

// All the digits of an integer (a number, a string of digits, or a BigInt).
function exact(integer) {
  return grouped.format(typeof integer === "string" ? BigInt(integer) : integer);
}

const IEC = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

function approximately(number, series) {
  if (!series.endsWith("bytes")) return number < 1e15 ? compact.format(number) : number.toExponential(2).replace("e+", "e");
  const power = number < 1 ? 0 : Math.min(IEC.length - 1, Math.floor(Math.log2(number) / 10));
  return `${parseFloat((number / 2 ** (10 * power)).toPrecision(3))} ${IEC[power]}`;
}

const SERIES = {
  reads: "Reads",
  writes: "Writes",
  read_bytes: "Bytes read",
  write_bytes: "Bytes written",
};

function seriesName(series) {
  return SERIES[series] ?? series;
}

const two = (n) => String(n).padStart(2, "0");

function localDay(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function localClock(date, seconds = true) {
  return `${two(date.getHours())}:${two(date.getMinutes())}${seconds ? ":" + two(date.getSeconds()) : ""}`;
}

function localTime(unixMs) {
  const date = new Date(unixMs);
  const millis = date.getMilliseconds() ? "." + String(date.getMilliseconds()).padStart(3, "0") : "";
  const minutes = -date.getTimezoneOffset();
  const offset = `${minutes < 0 ? "−" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return `${localDay(date)} ${localClock(date)}${millis} ${offset}`;
}

function duration(ms) {
  for (const [unit, size] of [["d", 86400000], ["h", 3600000], ["min", 60000], ["s", 1000]]) {
    if (ms >= size) return `${parseFloat((ms / size).toPrecision(3))} ${unit}`;
  }
  return `${ms} ms`;
}

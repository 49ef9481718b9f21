// Where the time axis has its marks: at the columns that begin a new minute, hour or day of local time.

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const DAY = 24 * H;
const INTERVALS = [S, 2 * S, 5 * S, 10 * S, 30 * S, MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN,
  H, 2 * H, 3 * H, 6 * H, 12 * H, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 365 * DAY];

// Unix ms, moved so that days begin at local midnight.
function toLocal(unixMs) {
  return unixMs - new Date(unixMs).getTimezoneOffset() * MIN;
}

// Marks for the columns in sight, `least` pixels apart: {column, text, day?}.
function timeTicks({ times, localTimes, step }, view, width, least) {
  const first = Math.max(0, Math.floor(view.x0));
  const end = Math.min(times.length, Math.ceil(view.x1));
  if (first >= end) return [];
  const pixelsPerColumn = width / (view.x1 - view.x0);
  const interval = INTERVALS.find((i) => i >= (least / pixelsPerColumn) * step) ?? INTERVALS.at(-1);
  const ticks = [];
  let day = null;
  for (let j = first; j < end; j++) {
    const before = j > 0 ? localTimes[j - 1] : localTimes[0] - step;
    const last = ticks.at(-1);
    if (Math.floor(localTimes[j] / interval) === Math.floor(before / interval) || (last && (j - last.column) * pixelsPerColumn < least * 0.8)) continue;
    const date = new Date(times[j]);
    const today = localDay(date);
    ticks.push({
      column: j,
      text: interval >= DAY ? today : localClock(date, interval < MIN),
      day: interval < DAY && today !== day ? today : null,
    });
    day = today;
  }
  return ticks;
}

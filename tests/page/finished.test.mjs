// The finished page, opened from a file, with a real mouse and real keys.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { MAX, base64, json, large, lively, livelyInsights, matrix, row, small, times } from "./fixtures.mjs";
import { Browser } from "./harness.mjs";

let browser;
before(async () => (browser = await Browser.start()));
after(() => browser.stop());

const HATCH = "ffffff";
const open = (data, options) => browser.finished(json(data), options);
const openSmall = (options, more = {}) => open({ matrices: [small()], ...more }, options);

test("it asks nobody for anything, and looks as it should in both themes", async () => {
  for (const colorScheme of ["dark", "light"]) {
    const shown = await open({ title: "Orders", matrices: [lively()], insights: livelyInsights() }, { colorScheme, width: 1440, height: 860 });
    assert.equal(await shown.page.title(), "Orders");
    assert.equal(await shown.text("h1"), "Orders");
    await shown.click(44, 180, 65, 360);
    await shown.hover(20, 200, 65, 360);
    await shown.shot(`finished-${colorScheme}`);
    assert.equal(shown.requests.length, 1, shown.requests.join());
    await shown.close();
  }
});

test("the pointer shows all the digits of a value, of a term and of a route id", async () => {
  const shown = await openSmall();
  assert.match(await shown.hover(0, 3, 4, 10), /route:1 \/ dynamo Writes 18,446,744,073,709,551,615 Time .* term 9,007,199,254,740,993/);
  assert.match(await shown.hover(1, 9, 4, 10), /route:1 \/ redis Writes 900 /);
  await shown.click(3, 0, 4, 10);
  assert.match(await shown.text("#pinned"), /virtual:18446744073709551615 ×1,234 Writes 40 .*Routes 1,234 Row total 400 Route ids 18446744073709551610, 11, 12, …/);
  await shown.close();
});

test("a row's total is exact past 2^53 and past 2^64", async () => {
  const few = [MAX, 2n ** 53n + 1n, 1, 2];
  const many = Array.from({ length: 11 }, (_, i) => 999_999_999_999_998 + (i % 2));
  for (const values of [few, many]) {
    const shown = await open({ matrices: [matrix([row("route:1", "", "", "", values)], times(values.length))] });
    await shown.click(0, 0, 1, values.length);
    const total = values.reduce((sum, value) => sum + BigInt(value), 0n);
    assert.ok((await shown.text("#pinned")).includes(`Row total ${total.toLocaleString("en-US")}`));
    await shown.close();
  }
});

test("time is local", async () => {
  for (const [timezoneId, time] of [["Europe/Berlin", "2026-03-03 23:03:00 +01:00"], ["Asia/Kolkata", "2026-03-04 03:33:00 +05:30"], ["America/New_York", "2026-03-03 17:03:00 −05:00"]]) {
    const shown = await openSmall({ timezoneId });
    assert.ok((await shown.hover(0, 3, 4, 10)).includes(time));
    assert.ok((await shown.text("#extent")).includes(time.slice(0, 14)));
    await shown.close();
  }
});

test("keys are text where they can be read, else hex, and cut where they are long", async () => {
  const keys = ["", "ключ/1", [0xc3, 0x28], "tab\there", "x".repeat(300)];
  const rows = keys.map((key, i) => row(`route:${i}`, "", key, keys[i + 1] ?? "", [1, 1]));
  rows.sort((a, b) => Buffer.compare(Buffer.from(a.start ?? "", "base64"), Buffer.from(b.start ?? "", "base64")));
  const shown = await open({ matrices: [matrix(rows, times(2))] });
  const seen = [];
  for (let i = 0; i < rows.length; i++) seen.push(await shown.hover(i, 0, rows.length, 2));
  for (const key of ["[first key, ключ/1)", "[ключ/1, 0xc328)", "[0xc328, 0x7461620968657265)", `${"x".repeat(20)}…${"x".repeat(19)}, ∞)`]) {
    assert.ok(seen.some((text) => text.includes(key)), `${key} is not in ${seen.join("\n")}`);
  }
  await shown.close();
});

test("colours follow the scale, its kind and its brightness", async () => {
  const shown = await open({ matrices: [matrix([row("route:1", "", "", "", [0, 1, 100, 10000])], times(4))] });
  const points = [0, 1, 2, 3].map((j) => [(j + 0.5) / 4, 0.5]);
  const log = await shown.colours(points);
  assert.equal(log[0], "120d1a", "no traffic");
  assert.equal(log[3], "fde725", "the most");
  assert.equal(new Set(log).size, 4);
  await shown.page.getByText("Linear").click();
  await shown.drawn();
  const linear = await shown.colours(points);
  assert.equal(linear[1], "440154", "a ten-thousandth is the least of the linear scale");
  assert.equal(linear[3], "fde725");
  await shown.page.locator("#brightness").focus();
  await shown.press("End");
  const bright = await shown.colours(points);
  assert.equal(bright[0], "120d1a", "nothing stays nothing however bright");
  assert.equal(bright[2], "fde725");
  assert.notEqual(bright[1], linear[1]);
  assert.match(await shown.text("#ramp-ticks"), /^0 0.61 1.22 1.83 2.44$/);
  await shown.close();
});

test("cells in conflict are hatched, and say so", async () => {
  const shown = await openSmall();
  const inCell = (i, j) => Array.from({ length: 12 }, (_, k) => [(j + 0.3 + k / 200) / 10, (i + 0.5) / 4]);
  assert.ok((await shown.colours(inCell(1, 5))).includes(HATCH));
  assert.ok(!(await shown.colours(inCell(1, 4))).includes(HATCH));
  assert.match(await shown.hover(1, 5, 4, 10), /Conflict the nodes disagree/);
  assert.doesNotMatch(await shown.hover(1, 4, 4, 10), /Conflict/);
  assert.ok(await shown.page.locator("#legend-conflict").isVisible());
  await shown.close();
});

test("labels filter rows, and the colours fit what is left", async () => {
  const shown = await openSmall();
  const chip = (label) => shown.page.locator(`button[data-label="${label}"]`);
  await chip("redis").click();
  await shown.drawn();
  assert.deepEqual((await shown.extent()).rows, [1, 1, 1]);
  assert.equal(await chip("redis").getAttribute("aria-pressed"), "true");
  assert.deepEqual(await shown.colours([[0.97, 0.3]]), ["fde725"]);
  await chip("dynamo").click();
  await shown.drawn();
  assert.deepEqual((await shown.extent()).rows, [1, 2, 2]);
  assert.match(await shown.hover(0, 3, 2, 10), /dynamo/);
  await chip("dynamo").click();
  await chip("redis").click();
  await chip("").click();
  await shown.drawn();
  assert.match(await shown.hover(0, 3, 2, 10), /route:2 Writes 5/);
  assert.match(await shown.text("#labels"), /no label 2 dynamo 1 redis 1/);
  await shown.close();
});

test("the series picker changes the numbers and keeps the view and the pin", async () => {
  const bytes = { ...lively(), series: "write_bytes" };
  bytes.rows = bytes.rows.map((r) => ({ ...r, values: r.values.map((v) => v * 1024) }));
  const shown = await open({ matrices: [lively(), bytes] });
  const before = await shown.hover(44, 100, 65, 360);
  await shown.click(44, 100, 65, 360);
  await shown.press("+");
  const extent = await shown.extent();
  await shown.page.locator("#series").selectOption({ label: "Bytes written" });
  await shown.drawn();
  assert.deepEqual(await shown.extent(), extent);
  const writes = Number(/Writes ([\d,]+)/.exec(before)[1].replace(/,/g, ""));
  assert.ok((await shown.text("#pinned")).includes(`Bytes written ${(writes * 1024).toLocaleString("en-US")} ≈ `));
  await shown.close();
  const alone = await openSmall();
  assert.ok(!(await alone.page.locator("#series").isVisible()), "one series needs no picker");
  await alone.close();
});

test("the wheel zooms at the pointer, over an axis that one alone", async () => {
  const shown = await open({ matrices: [lively()] });
  const [x, y] = await shown.middle(20, 100, 65, 360);
  await shown.page.mouse.move(x, y);
  const before = await shown.text("#tip");
  await shown.page.mouse.wheel(0, -300);
  await shown.drawn();
  let extent = await shown.extent();
  assert.ok(extent.rows[1] - extent.rows[0] < 33 && extent.columns[1] - extent.columns[0] < 180, JSON.stringify(extent));
  await shown.page.mouse.move(x + 1, y);
  await shown.drawn();
  assert.equal(await shown.text("#tip"), before, "what was under the pointer is there still");
  await shown.page.keyboard.press("0");
  await shown.page.locator("#zoom-reset").click();
  const plot = await shown.plot();
  for (const [point, zoomed, whole] of [[[plot.x - 40, y], "rows", "columns"], [[x, plot.y + plot.height + 12], "columns", "rows"]]) {
    await shown.page.mouse.move(...point);
    await shown.page.mouse.wheel(0, -300);
    await shown.drawn();
    extent = await shown.extent();
    assert.ok(extent[zoomed][1] - extent[zoomed][0] < extent[zoomed][2] / 2, zoomed);
    assert.deepEqual(extent[whole].slice(0, 2), [1, extent[whole][2]], whole);
    await shown.page.locator("#zoom-reset").click();
  }
  for (const [key, zoomed, whole] of [["Shift", "rows", "columns"], ["Alt", "columns", "rows"]]) {
    await shown.page.mouse.move(x, y);
    await shown.page.keyboard.down(key);
    await shown.page.mouse.wheel(0, -300);
    await shown.page.keyboard.up(key);
    await shown.drawn();
    extent = await shown.extent();
    assert.ok(extent[zoomed][1] - extent[zoomed][0] < extent[zoomed][2] / 2, key);
    assert.deepEqual(extent[whole].slice(0, 2), [1, extent[whole][2]], key);
    await shown.page.locator("#zoom-reset").click();
  }
  await shown.page.mouse.move(x, y);
  await shown.page.mouse.wheel(0, 3000);
  await shown.drawn();
  assert.deepEqual(await shown.extent(), { rows: [1, 65, 65], columns: [1, 360, 360] }, "out is never past everything");
  await shown.close();
});

test("dragging moves the view and pins nothing; with Shift it zooms into the box", async () => {
  const shown = await open({ matrices: [lively()] });
  const drag = async (from, to) => {
    await shown.page.mouse.move(...from);
    await shown.page.mouse.down();
    await shown.page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    await shown.page.mouse.move(...to);
    await shown.page.mouse.up();
    await shown.drawn();
  };
  await shown.page.keyboard.down("Shift");
  await drag(await shown.middle(10, 60, 65, 360), await shown.middle(30, 180, 65, 360));
  await shown.page.keyboard.up("Shift");
  const boxed = await shown.extent();
  assert.deepEqual(boxed, { rows: [11, 31, 65], columns: [61, 181, 360] });
  await drag(await shown.middle(10, 60, 20, 120), await shown.middle(5, 90, 20, 120));
  const moved = await shown.extent();
  assert.deepEqual([moved.rows[0] - boxed.rows[0], moved.columns[0] - boxed.columns[0]], [5, -30]);
  assert.match(await shown.text("#pinned"), /click to pin it/);
  await shown.close();
});

test("keys zoom, move, go from cell to cell, and pin", async () => {
  const shown = await openSmall();
  await shown.page.locator("#stage").focus();
  await shown.press("ArrowUp", "ArrowUp", "ArrowUp", "Home", "ArrowRight", "ArrowRight", "ArrowRight");
  assert.match(await shown.text("#tip"), /dynamo Writes 18,446,744,073,709,551,615/);
  assert.match(await shown.text("#announce"), /route:1 \/ dynamo, Writes 18,446,744,073,709,551,615, Time 2026/);
  await shown.press("Enter");
  assert.match(await shown.text("#pinned"), /18,446,744,073,709,551,615/);
  await shown.press("Escape");
  assert.match(await shown.text("#pinned"), /click to pin it/);
  assert.ok(!(await shown.page.locator("#tip").isVisible()));
  await shown.press("x", "x");
  let extent = await shown.extent();
  assert.ok(extent.columns[1] - extent.columns[0] < 8 && extent.rows[1] === 4);
  const before = extent.columns[0];
  for (let i = 0; i < 20; i++) await shown.page.keyboard.press("Shift+ArrowLeft");
  await shown.drawn();
  assert.ok((await shown.extent()).columns[0] < before);
  await shown.press("End");
  assert.equal((await shown.extent()).columns[1], 10, "the cursor is never out of sight");
  await shown.press("X", "X", "X", "y", "y", "y");
  extent = await shown.extent();
  assert.deepEqual(extent.columns, [1, 10, 10]);
  assert.ok(extent.rows[1] - extent.rows[0] < 3);
  await shown.press("0");
  assert.deepEqual(await shown.extent(), { rows: [1, 4, 4], columns: [1, 10, 10] });
  await shown.press("?");
  assert.ok(await shown.page.locator("#help").isVisible());
  await shown.press("Escape");
  assert.ok(!(await shown.page.locator("#help").isVisible()));
  await shown.close();
});

test("a click pins, a second one lets go", async () => {
  const shown = await openSmall();
  await shown.click(1, 9, 4, 10);
  assert.match(await shown.text("#pinned"), /route:1 \/ redis Writes 900/);
  await shown.hover(2, 2, 4, 10);
  assert.match(await shown.text("#pinned"), /route:1 \/ redis Writes 900/, "it stays while the pointer is elsewhere");
  await shown.click(1, 9, 4, 10);
  assert.match(await shown.text("#pinned"), /click to pin it/);
  await shown.close();
});

test("verdicts and split keys stand in the list, at the pointer and at the pin", async () => {
  const shown = await open({ matrices: [lively()], insights: [
    ...livelyInsights(),
    { bucket_id: "route:1:s3", verdict: "even" },
    { bucket_id: "route:1:redis#14", series: "reads", verdict: "burst" },
  ] });
  const list = await shown.text("#insights");
  assert.match(list, /route:1 \/ sqs #44 one cell This part holds 61 % of the route's writes\. Split at user\/044812 \(52 % below, 48 % above\)/);
  assert.match(list, /virtual:18446744073709551615 steady/);
  assert.doesNotMatch(list, /burst/, "that is of another series");
  assert.match(await shown.hover(44, 10, 65, 360), /one cell .*Split at user\/044812/);
  assert.match(await shown.hover(30, 10, 65, 360), /route:1 \/ s3 #30 .* even/, "what is said of a route holds for its parts");
  await shown.press("+");
  await shown.page.getByRole("button", { name: "route:1 / dynamo #5" }).click();
  await shown.drawn();
  assert.match(await shown.text("#pinned"), /route:1 \/ dynamo #5 .* periodic Bursts every 90 columns/);
  const { rows } = await shown.extent();
  assert.ok(rows[0] <= 6 && 6 <= rows[1], "the row is in sight");
  await shown.close();
});

test("the theme follows the system until it is chosen", async () => {
  const shown = await openSmall({ colorScheme: "light" });
  const theme = () => shown.page.locator("html").getAttribute("data-theme");
  assert.equal(await theme(), "light");
  await shown.page.emulateMedia({ colorScheme: "dark" });
  await shown.page.locator("html[data-theme=dark]").waitFor();
  await shown.page.locator("#theme").click();
  assert.equal(await theme(), "light");
  await shown.page.emulateMedia({ colorScheme: "light" });
  await shown.drawn();
  await shown.page.emulateMedia({ colorScheme: "dark" });
  await shown.drawn();
  assert.equal(await theme(), "light");
  await shown.close();
});

test("every control has a name, and Tab reaches all of them", async () => {
  const shown = await open({ matrices: [small(), { ...small(), series: "reads" }], insights: [{ bucket_id: "route:2", verdict: "steady" }] });
  const unnamed = await shown.page.evaluate(() => [...document.querySelectorAll("button, select, input, [tabindex]")]
    .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim())).map((e) => e.outerHTML));
  assert.deepEqual(unnamed, []);
  const reached = new Set();
  for (let i = 0; i < 20; i++) {
    await shown.page.keyboard.press("Tab");
    reached.add(await shown.page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim() || document.activeElement.name));
  }
  for (const name of ["series", "scale", "brightness", "zoom-in", "theme", "help-open", "stage", "route:2"]) assert.ok(reached.has(name), `${name} is not among ${[...reached]}`);
  await shown.close();
});

test("a window of a phone's size shows it all", async () => {
  const shown = await open({ matrices: [lively()], insights: livelyInsights() }, { width: 390, height: 780, deviceScaleFactor: 2 });
  const plot = await shown.plot();
  assert.ok(plot.width > 200 && plot.x + plot.width <= 390);
  assert.ok((await shown.page.evaluate(() => document.documentElement.scrollWidth)) <= 390, "nothing sticks out");
  assert.match(await shown.hover(44, 100, 65, 360), /sqs #44/);
  await shown.shot("finished-phone");
  await shown.close();
});

test("1024 rows by 1440 columns open quickly, pan smoothly, and lose no hot cell", async (t) => {
  const data = large();
  data.rows.forEach((r) => (r.values = r.values.map((v) => Math.min(v, 1000))));
  data.rows[700].values[1001] = 123_456_789;
  const shown = await open({ matrices: [data] }, { width: 1280, height: 720 });
  const opened = await shown.page.evaluate(() => performance.getEntriesByType("navigation")[0].domComplete);
  const x = (1001.5 / 1440);
  const y = (700.5 / 1024);
  const around = [-2, -1, 0, 1, 2].flatMap((dx) => [-2, -1, 0, 1, 2].map((dy) => [x + dx / 1000, y + dy / 700]));
  assert.ok((await shown.colours(around)).includes("fde725"), "the one hot cell is seen among a million");
  const plot = await shown.plot();
  await shown.page.mouse.move(plot.x + plot.width * x, plot.y + plot.height * y);
  await shown.drawn();
  assert.match(await shown.text("#tip"), /123,456,789/, "and its number is at the pointer");
  await shown.press("+", "+");
  const frames = await shown.page.evaluate(() => new Promise((done) => {
    const stage = document.getElementById("stage");
    const times = [];
    let last = null;
    const frame = (now) => {
      if (last !== null) times.push(now - last);
      last = now;
      stage.dispatchEvent(new KeyboardEvent("keydown", { key: times.length % 20 < 10 ? "ArrowLeft" : "ArrowRight", shiftKey: true }));
      if (times.length < 60) requestAnimationFrame(frame);
      else done(times.sort((a, b) => a - b));
    };
    requestAnimationFrame(frame);
  }));
  t.diagnostic(`opened in ${Math.round(opened)} ms; a frame while panning takes ${frames[30].toFixed(1)} ms in the median, ${frames[57].toFixed(1)} ms at the 95th percentile`);
  await shown.shot("finished-large");
  await shown.close();
});

test("nothing in the data is taken for markup", async () => {
  const evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>";
  const shown = await open({
    title: evil,
    matrices: [matrix([row("route:1:" + evil, evil, evil, "", [1, 2], { aggregate: true, route_ids: [1] })], times(2), { fanout: { nodes: [{ node: evil, ok: false, error: evil }], responded: 0, expected: 1 } })],
    insights: [{ bucket_id: "route:1:" + evil, verdict: evil, detail: evil, split_key_b64: base64(evil) }],
  });
  await shown.click(0, 0, 1, 2);
  assert.ok((await shown.text("#pinned")).includes(evil.slice(0, 12)));
  assert.equal(await shown.text("h1"), evil);
  assert.equal(await shown.page.locator("img").count(), 0);
  assert.equal(await shown.page.locator("script").count(), 2);
  await shown.close();
});

test("an inline script that is not the page's is refused", async () => {
  const shown = await openSmall({ expectedErrors: ["TrustedScript"] });
  const ran = await shown.page.evaluate(() => {
    const script = document.createElement("script");
    try {
      script.textContent = "window.ran = true";
      document.body.append(script);
    } catch {
      return false;
    }
    return window.ran ?? false;
  });
  assert.equal(ran, false);
  await shown.close();
});

test("time that is missing and matrices without cells are told", async () => {
  const gap = matrix([row("route:1", "", "", "", [1, 2, 3, 4])], [0, 60000, 120000, 7200000]);
  const shown = await open({ matrices: [gap] });
  assert.match(await shown.hover(0, 3, 1, 4), /Gap 1\.97 h since the column before/);
  assert.doesNotMatch(await shown.hover(0, 2, 1, 4), /Gap/);
  await shown.shot("finished-gap");
  await shown.close();
  const empty = await open({ matrices: [matrix([], [])] });
  assert.match(await empty.text("#empty"), /No columns yet/);
  await empty.press("+", "ArrowLeft");
  await empty.close();
  const idle = await open({ matrices: [matrix([], times(3))] });
  assert.match(await idle.text("#empty"), /No rows/);
  await idle.close();
});

test("data that cannot be read is said to be so", async () => {
  const torn = small();
  torn.rows[2].values.pop();
  for (const [data, message] of [
    [{ matrices: [torn] }, /row 2: values has not one entry per column/],
    [{ matrices: [{ rows: [] }] }, /column_unix_ms/],
    [{ matrices: [matrix([row("route:1", "", "", "", ["x"])], times(1))] }, /row 0: values/],
    [{ matrices: [] }, /no matrix/],
    [{}, /no matrix/],
  ]) {
    const shown = await open(data);
    assert.match(await shown.text("#problem"), message);
    await shown.close();
  }
  const noJson = await browser.finished("{ this is not JSON");
  assert.match(await noJson.text("#problem"), /JSON/);
  await noJson.close();
});

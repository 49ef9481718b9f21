// The live page, served over HTTP.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { MAX, base64, json, lively, matrix, row, small, times } from "./fixtures.mjs";
import { Browser } from "./harness.mjs";
import { Server, reply } from "./server.mjs";

const FAILED_REQUEST = "Failed to load resource";

let browser, server, shown;
before(async () => (browser = await Browser.start()));
after(() => browser.stop());
afterEach(async () => {
  const closing = shown;
  shown = null;
  try {
    await closing?.close();
  } finally {
    await server.stop();
  }
});

async function open(source, { expectedErrors, ...options } = {}) {
  server = await Server.start(source, options);
  shown = await browser.open(server.url, { expectedErrors });
  await answered();
}

// Presses "Now" and waits until the answer is on the screen, or the failure.
async function refresh(outcome = "As of") {
  await shown.page.locator("#refresh-now").click();
  await answered(outcome);
}

async function answered(outcome = "As of") {
  await shown.page.waitForFunction(() => !/Asking|^$/.test(document.getElementById("live-status").textContent));
  await shown.drawn();
  const problem = shown.page.locator("#problem");
  assert.match(await shown.text("#live-status"), new RegExp(`^${outcome}`), (await problem.isVisible()) ? await problem.innerText() : "");
}

const source = (columns = 10) => matrix([
  row("route:1:dynamo", "dynamo", "", "m", times(columns).map((_, j) => 10 * j + 10)),
  row("route:1:redis#2", "redis", "m", "", times(columns).map(() => 7)),
], times(columns));

test("it draws what the server has, of the series asked for, from its own origin only", async () => {
  await open(source());
  assert.match(await shown.hover(0, 9, 2, 10), /route:1 \/ dynamo Writes 100 /);
  await shown.page.locator("#series").selectOption({ label: "Bytes read" });
  await refresh();
  assert.deepEqual(server.matrixRequests.map((q) => q.get("series")).slice(0, 2), ["writes", "read_bytes"]);
  assert.match(await shown.hover(0, 9, 2, 10), /Bytes read 100 /);
  assert.ok(shown.requests.every((url) => url.startsWith(server.url)), shown.requests.join());
});

test("new columns are appended: only they are asked for, and view and pin stay", async () => {
  await open(source(20));
  await shown.click(0, 4, 2, 20);
  const pinned = await shown.text("#pinned");
  assert.match(pinned, /Writes 50 /);
  await shown.press("x", "x", "x");
  const view = (await shown.extent()).columns;
  const picture = await shown.picture();
  server.addColumn({ "route:1:dynamo": 190 });
  await refresh();
  assert.equal(server.matrixRequests.at(-1).get("from_unix_ms"), String(times(20)[17] - 30_000));
  assert.deepEqual((await shown.extent()).columns, [view[0], view[1], 21]);
  assert.equal(await shown.picture(), picture, "what is in sight is as it was");
  assert.equal(await shown.text("#pinned"), pinned.replace(/Row total [\d,]+/, "Row total 2,290"));
  await shown.page.locator("#zoom-reset").click();
  assert.match(await shown.hover(0, 20, 2, 21), /Writes 190 /);
  assert.match(await shown.hover(1, 20, 2, 21), /Writes 0 /);
  assert.match(await shown.hover(1, 19, 2, 21), /Writes 7 /);
});

test("the newest columns fill up late", async () => {
  await open(source());
  server.source.rows[1].values[7] = 90;
  server.addColumn({ "route:1:dynamo": 1 });
  await refresh();
  assert.match(await shown.hover(1, 7, 2, 11), /redis #2 Writes 90 /);
  const [late, same] = await shown.colours([[7.5 / 11, 0.75], [8.5 / 11, 0.25]]);
  assert.equal(late, same, "it has the colour of another cell with 90");
});

test("rows come up between others", async () => {
  await open(source());
  await shown.click(1, 9, 2, 10);
  server.source.rows[0].values[9] = 5000;
  server.source.rows.splice(1, 0, row("route:1:s3", "s3", "c", "m", times(10).map((_, j) => (j === 9 ? 3 : 0))));
  server.addColumn({ "route:1:s3": MAX });
  await refresh();
  assert.deepEqual((await shown.extent()).rows, [1, 3, 3]);
  assert.match(await shown.hover(0, 9, 3, 11), /dynamo Writes 5,000 /);
  assert.match(await shown.hover(1, 10, 3, 11), /s3 Writes 18,446,744,073,709,551,615 /);
  assert.match(await shown.hover(1, 3, 3, 11), /s3 Writes 0 /);
  assert.match(await shown.text("#pinned"), /redis #2 Writes 7 /);
  assert.match(await shown.text("#labels"), /s3 1/);
});

test("where the row budget cut rows off, everything is asked for again, since they may have a past", async () => {
  const [dynamo, redis] = source().rows;
  const third = row("route:9", "", "z", "", [2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  for (const busy of [dynamo, redis]) busy.values.fill(0, 6);
  await open(matrix([dynamo, redis, third], times(10)), { rows: 2 });
  assert.equal(server.matrixRequests[0].get("rows"), "2");
  server.addColumn({ "route:9": 60 });
  await refresh();
  assert.equal(server.matrixRequests.at(-1).get("from_unix_ms"), null);
  assert.match(await shown.hover(1, 0, 2, 11), /route:9 Writes 2 /);
  assert.match(await shown.hover(1, 10, 2, 11), /route:9 Writes 60 /);
});

test("rows that come up past the budget make everything be asked for again", async () => {
  await open(source(), { rows: 3 });
  server.source.rows.push(row("route:9", "", "z", "", times(10).map(() => 60)));
  server.addColumn({});
  await refresh();
  const asked = server.matrixRequests.slice(1).map((q) => q.has("from_unix_ms"));
  assert.deepEqual(asked, [true, false]);
  assert.match(await shown.hover(2, 0, 3, 11), /route:9 Writes 60 /);
});

test("a restarted server, whose columns are all new, is shown after a gap", async () => {
  await open(source());
  server.source = matrix([row("route:1:dynamo", "dynamo", "", "m", [1, 2])], times(2, times(10)[9] + 3_600_000));
  await refresh();
  assert.deepEqual((await shown.extent()).columns, [1, 9, 9]);
  assert.match(await shown.hover(0, 8, 2, 9), /Writes 2 /);
  assert.match(await shown.hover(0, 6, 2, 9), /Writes 70 /, "what the server has forgotten stays in the page");
});

test("nodes that did not answer are listed, until they do", async () => {
  const data = lively();
  data.fanout = { nodes: [{ node: "n1:8080", ok: true }, { node: "n2:8080", ok: false, error: "connection refused" }], responded: 1, expected: 2 };
  await open(data);
  assert.equal(await shown.text("#nodes"), "1 of 2 nodes answered; what is shown lacks the traffic of: n2:8080: connection refused");
  await shown.shot("live-banner");
  server.source.fanout = { nodes: [{ node: "n1:8080", ok: true }, { node: "n2:8080", ok: true }], responded: 2, expected: 2 };
  await refresh();
  assert.ok(!(await shown.page.locator("#nodes").isVisible()));
});

test("a click asks for the hot keys of the cell's route, label and part", async () => {
  await open(source());
  const planted = [
    { key_b64: base64("orders/17"), count: MAX, count_low: MAX - 15n, count_high: MAX },
    { key_b64: base64([0, 255]), count: 480, count_low: 400, count_high: 480 },
  ];
  server.hotKeys = { status: 200, body: {
    route_id: 1, label: "redis", sub_bucket: 2, series: "writes", keys: planted, approximate: true, sample_rate: 16, sampled_n: 1000, dropped_samples: 3,
    skipped_long_keys: 0, degraded: true, error_bound: 250, snapshot_at: new Date(times(1)[0]).toISOString(),
    fanout: { nodes: [{ node: "n2", ok: false, error: "timeout" }], responded: 1, expected: 2 },
  } };
  await shown.click(1, 5, 2, 10);
  await shown.page.locator("#hot-keys table").waitFor();
  assert.deepEqual(Object.fromEntries(server.hotKeyRequests[0]), { route_id: "1", label: "redis", sub_bucket: "2", series: "writes" });
  const text = await shown.text("#hot-keys");
  assert.match(text, /Degraded: 3 samples dropped, 1 node did not answer/);
  assert.match(text, /orders\/17 18,446,744,073,709,551,615 18,446,744,073,709,551,600 – 18,446,744,073,709,551,615/);
  assert.match(text, /0x00ff 480 400 – 480/);
  assert.match(text, /within 250 · 1,000 sampled, 1 in 16 · as of 2026-03-03 23:00:00/);
  await shown.shot("live-hot-keys");
  const sticksOut = await shown.page.evaluate(() => [...document.querySelectorAll("aside section")].some((s) => s.scrollWidth > s.clientWidth));
  assert.ok(!sticksOut, "the largest numbers fit into the panel");
  await shown.click(1, 5, 2, 10);
  assert.ok(!(await shown.page.locator("#hot-keys").isVisible()));
});

test("hot keys that there are not, are explained", async () => {
  const virtual = small();
  await open(virtual, { expectedErrors: [FAILED_REQUEST] });
  await shown.click(3, 1, 4, 10);
  assert.match(await shown.text("#hot-keys"), /several routes has no hot keys/);
  assert.equal(server.hotKeyRequests.length, 0);
  server.hotKeys = { status: 503, body: { code: "hotkeys_disabled", message: "hot keys are off" } };
  await shown.click(2, 1, 4, 10);
  await shown.page.getByText("No hot keys: hotkeys_disabled (HTTP 503): hot keys are off").waitFor();
  assert.equal(server.hotKeyRequests.at(-1).get("label"), null);
  server.hotKeys = { status: 200, body: { keys: [], error_bound: 0, sampled_n: 0, sample_rate: 16 } };
  await shown.click(2, 2, 4, 10);
  await shown.page.getByText("No traffic in the last window.").waitFor();
  server.hotKeys = null;
  await shown.click(1, 2, 4, 10);
  await shown.page.getByText("No hot keys: no answer within 700 ms").waitFor();
});

test("it refreshes as often as is chosen, and not at all when it is off", async () => {
  server = await Server.start(source());
  shown = await browser.open("about:blank", { ready: false });
  // The page's clock stands still, but where it is told to run.
  await shown.page.clock.install({ time: times(1)[0] });
  await shown.page.clock.pauseAt(times(1)[0] + 1000);
  await shown.page.goto(server.url);
  const asked = async (count) => {
    const done = async () => server.matrixRequests.length >= count && (await shown.text("#live-status")).startsWith("As of");
    for (let i = 0; i < 500 && !(await done()); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(server.matrixRequests.length, count);
  };
  await asked(1);
  await shown.page.clock.runFor(29_000);
  await asked(1);
  await shown.page.clock.runFor(1_500);
  await asked(2);
  await shown.page.locator("#refresh").selectOption("5");
  await shown.page.clock.runFor(5_100);
  await asked(3);
  await shown.page.clock.runFor(5_100);
  await asked(4);
  await shown.page.locator("#refresh").selectOption("0");
  await shown.page.clock.runFor(120_000);
  await asked(4);
});

test("each way that a server fails is shown, what was there stays, and the next answer clears it", async () => {
  await open(source(), { expectedErrors: [FAILED_REQUEST] });
  const failures = [
    [(_, response) => reply(response, 503, '{"code":"keyviz_disabled","message":"the sampler is off"}'), /keyviz_disabled \(HTTP 503\): the sampler is off\. What is shown is older\. Trying again in 30 s\./],
    [(_, response) => reply(response, 502, "<html>Bad Gateway</html>", "text/html"), /HTTP 502 Bad Gateway/],
    [(_, response) => reply(response, 200, '{"column_unix_ms": [1, 2'), /not JSON/],
    [(_, response) => reply(response, 200, json(matrix([row("route:1", "", "", "", [1])], times(2)))), /row 0: values has not one entry per column/],
    [(_, response) => response.destroy(), /cannot be reached/],
    [() => {}, /no answer within 700 ms/],
    [(_, response) => response.writeHead(200).write("{"), /no answer within 700 ms/],
  ];
  for (const [answer, message] of failures) {
    server.answer = answer;
    await refresh("Failed");
    assert.match(await shown.text("#problem"), message);
    assert.match(await shown.hover(0, 9, 2, 10), /Writes 100 /);
    server.answer = null;
    await refresh();
    assert.ok(!(await shown.page.locator("#problem").isVisible()));
  }
});

test("a server that fails at first is asked again", async () => {
  server = await Server.start(source());
  server.answer = (_, response) => reply(response, 500, "");
  shown = await browser.open(server.url, { expectedErrors: [FAILED_REQUEST] });
  await shown.page.locator("#problem").waitFor();
  assert.match(await shown.text("#problem"), /^Refresh failed: HTTP 500 Internal Server Error\. Trying again in 30 s\.$/);
  await shown.page.locator("#stage").press("+");
  server.answer = null;
  await refresh();
  assert.match(await shown.hover(0, 9, 2, 10), /Writes 100 /);
});

test("an answer that comes after another series was chosen is not shown", async () => {
  await open(source());
  let givenUp = false;
  server.answer = (request, response) => {
    const reads = request.url.includes("series=reads");
    response.on("close", () => (givenUp ||= reads && !response.writableEnded));
    const values = times(10).map(() => (reads ? 1 : 2));
    setTimeout(() => reply(response, 200, json({ ...matrix([row("route:1", "", "", "", values)], times(10)), series: reads ? "reads" : "read_bytes" })), reads ? 400 : 0);
  };
  await shown.page.locator("#series").selectOption({ label: "Reads" });
  await shown.page.locator("#series").selectOption({ label: "Bytes read" });
  await new Promise((done) => setTimeout(done, 600));
  assert.match(await shown.hover(0, 0, 1, 10), /Bytes read 2 /);
  assert.ok(givenUp, "nor is it waited for");
});

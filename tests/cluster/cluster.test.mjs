// The live page against nodes that run, under load. The tests build on each other: a node dies in the last but one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser } from "../page/harness.mjs";
import { Cluster, isRunning } from "./processes.mjs";

const NO_TRAFFIC = "120d1a";
const SERIES = { reads: "Reads", writes: "Writes", read_bytes: "Bytes read", write_bytes: "Bytes written" };

let cluster, first, browser, shown;
before(async () => {
  [cluster, browser] = await Promise.all([Cluster.start("-step", "1s", "-rate", "60"), Browser.start()]);
  [first] = cluster.nodes;
  const labels = Object.keys(cluster.hot_keys).sort();
  // Until every label has a few columns.
  for (let done = false; !done; await sleep(200)) {
    const matrix = await cluster.matrix(first, { series: "writes" });
    done = matrix.column_unix_ms.length >= 6 && labels.every((label) => matrix.rows.some((row) => row.label === label));
  }
  shown = await browser.open(first.page, { width: 1440, height: 860 });
  await shown.page.locator("#refresh").selectOption("0");
  await answered();
});
after(async () => {
  await browser.stop();
  cluster.kill();
});

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function answered() {
  await shown.page.waitForFunction(() => /^As of/.test(document.getElementById("live-status").textContent));
  await shown.drawn();
}

async function refresh() {
  await shown.page.locator("#refresh-now").click();
  await answered();
}

// The matrix that the page shows: a row may have come up in between.
async function shownMatrix() {
  for (;;) {
    await refresh();
    const matrix = await cluster.matrix(first, { series: "writes" });
    if ((await shown.extent()).rows[2] === matrix.rows.length) return matrix;
  }
}

async function until(what, done, seconds = 20) {
  for (const end = Date.now() + seconds * 1000; !(await done()); await sleep(200)) assert.ok(Date.now() < end, `not within ${seconds} s: ${what}\n${cluster.log}`);
}

// What the tip says of a cell: {row, value, ms}.
async function cellAt(...cell) {
  const text = await shown.hover(...cell);
  const [, row, value, time] = /^(.+?) (?:Reads|Writes|Bytes read|Bytes written) ([\d,]+) .*?Time (\S+ \S+ \S+)/.exec(text) ?? assert.fail(text);
  const [day, clock, zone] = time.replace("−", "-").split(" ");
  return { row, value: Number(value.replace(/,/g, "")), ms: Date.parse(`${day}T${clock}${zone}`) };
}

const nameOf = (row) => row.bucket_id.replace(/^route:(\d+):(\w+)(?:#(\d+))?$/, (_, route, label, part) => `route:${route} / ${label}${part ? ` #${part}` : ""}`);

// Compares the numbers under the pointer with the node's JSON: of every third row, which are rows of all labels, in
// columns that all nodes have filled.
async function compare(series) {
  const { rows, columns } = await shown.extent();
  const matrix = await cluster.matrix(first, { series });
  for (let i = 0; i < rows[2]; i += 3) {
    const j = (7 * i) % (columns[2] - 3);
    const cell = await cellAt(i, j, rows[2], columns[2]);
    const row = matrix.rows.find((one) => nameOf(one) === cell.row) ?? assert.fail(`no row ${cell.row}`);
    const column = matrix.column_unix_ms.indexOf(cell.ms);
    assert.ok(column >= 0, `no column at ${cell.ms}`);
    assert.equal(cell.value, row.values[column], `${series} of ${cell.row} at ${cell.ms}`);
  }
  return matrix;
}

test("the heatmap draws every label of every node's traffic", async () => {
  const labels = Object.keys(cluster.hot_keys).sort();
  const matrix = await shownMatrix();
  assert.deepEqual([...new Set(matrix.rows.map((row) => row.label))].sort(), labels);
  assert.deepEqual(matrix.fanout.nodes, cluster.nodes.map(({ name }) => ({ node: name, ok: true })));
  const chips = await shown.text("#labels");
  for (const label of labels) assert.match(chips, new RegExp(`\\b${label} \\d+`));
  assert.ok(!(await shown.page.locator("#nodes").isVisible()));

  const { rows, columns } = await shown.extent();
  const drawn = new Set();
  for (let i = 0; i < rows[2]; i++) {
    const { row } = await cellAt(i, 0, rows[2], columns[2]);
    const colours = await shown.colours(Array.from({ length: columns[2] }, (_, j) => [(j + 0.5) / columns[2], (i + 0.5) / rows[2]]));
    if (colours.some((colour) => colour !== NO_TRAFFIC)) drawn.add(/ \/ (\w+)/.exec(row)[1]);
  }
  assert.deepEqual([...drawn].sort(), labels);
  await shown.shot("cluster-labels");
});

test("the number under the pointer is the one that the node tells, in every series", async () => {
  for (const [series, name] of Object.entries(SERIES)) {
    await shown.page.locator("#series").selectOption({ label: name });
    await answered();
    await compare(series);
  }
  await shown.page.locator("#series").selectOption({ label: "Writes" });
  await answered();
});

test("the label filter leaves the rows of one label", async () => {
  const matrix = await shownMatrix();
  for (const label of Object.keys(cluster.hot_keys)) {
    const chip = shown.page.locator(`button[data-label="${label}"]`);
    await chip.click();
    await shown.drawn();
    const { rows, columns } = await shown.extent();
    assert.equal(rows[2], matrix.rows.filter((row) => row.label === label).length);
    for (let i = 0; i < rows[2]; i++) assert.match((await cellAt(i, 2, rows[2], columns[2])).row, new RegExp(` / ${label}( #|$)`));
    await shown.shot(`cluster-only-${label}`);
    await chip.click();
  }
});

test("a live refresh adds columns, and asks for nothing else", async () => {
  await refresh();
  const before = await shown.extent();
  const kept = await cellAt(0, 1, before.rows[2], before.columns[2]);
  const asked = shown.requests.length;
  await shown.page.locator("#refresh").selectOption("5");
  for (let times = 1, last = before.columns[2]; times <= 2; times++) {
    await until("more columns", async () => (await shown.extent()).columns[2] > last);
    last = (await shown.extent()).columns[2];
  }
  await shown.page.locator("#refresh").selectOption("0");
  const { rows, columns } = await shown.extent();
  const requests = shown.requests.slice(asked).map((url) => new URL(url));
  assert.ok(requests.length >= 2 && requests.every((url) => url.pathname.endsWith("/matrix") && url.searchParams.has("from_unix_ms")), requests.join("\n"));
  assert.deepEqual(await cellAt(0, 1, rows[2], columns[2]), kept, "what was there stays");
  await compare("writes");
  await shown.shot("cluster-refreshed");
});

test("a click shows the hottest key, which the load has planted", async () => {
  for (const [label, key] of Object.entries(cluster.hot_keys)) {
    // The part of the route that has the key, on its own.
    const matrix = await shownMatrix();
    const contains = (row) => Buffer.compare(Buffer.from(row.start ?? "", "base64"), Buffer.from(key)) <= 0
      && (!row.end || Buffer.compare(Buffer.from(key), Buffer.from(row.end, "base64")) < 0);
    const row = matrix.rows.find((one) => one.label === label && contains(one)) ?? assert.fail(`no row has ${key}`);
    const names = matrix.rows.map(nameOf);
    const { rows, columns } = await shown.extent();
    await shown.click(names.indexOf(nameOf(row)), 3, rows[2], columns[2]);
    assert.ok((await shown.text("#pinned")).includes(nameOf(row)));
    // What was sampled in the last step; a label may have rested in it.
    await until(`${key} is the hottest`, async () => {
      const hottest = await shown.page.locator("#hot-keys td.key").first().getAttribute("title", { timeout: 500 }).catch(() => null);
      if (hottest !== key) await refresh();
      return hottest === key;
    });
    await shown.shot(`cluster-hot-${label}`);
  }
});

test("the policy that a node serves its page under holds", async () => {
  const tried = await browser.open(first.page, { expectedErrors: ["Content Security Policy", "TrustedScript"] });
  const results = await tried.page.evaluate(async (elsewhere) => {
    const settled = (element, url) => new Promise((done) => {
      element.onload = () => done("loaded");
      element.onerror = () => done("refused");
      element.src = url;
      document.body.append(element);
    });
    const script = () => {
      const inline = document.createElement("script");
      inline.textContent = "window.ran = true";
      document.body.append(inline);
    };
    return {
      fetch: await fetch(elsewhere).then(() => "loaded", () => "refused"),
      image: await settled(document.createElement("img"), elsewhere),
      script: (() => { try { script(); } catch { return "refused"; } return window.ran ? "ran" : "refused"; })(),
    };
  }, cluster.nodes[1].page);
  assert.deepEqual(results, { fetch: "refused", image: "refused", script: "refused" });
  // Nor may a page of another origin frame it.
  await tried.page.goto("about:blank");
  await tried.page.evaluate((url) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
  }, first.page);
  await until("the frame is refused", async () => tried.page.frames().length === 2 && tried.page.frames()[1].url().startsWith("chrome-error:"));
  await tried.close();
});

test("a node that hangs is given up, and is back once it answers", async () => {
  const slow = cluster.nodes[1];
  process.kill(slow.pid, "SIGSTOP");
  try {
    await refresh();
    assert.match(await shown.text("#nodes"), new RegExp(`^2 of 3 nodes answered; .* ${slow.name}: no answer within 2s$`));
    await shown.shot("cluster-slow");
  } finally {
    process.kill(slow.pid, "SIGCONT");
  }
  await until("all nodes answer", async () => {
    await refresh();
    return !(await shown.page.locator("#nodes").isVisible());
  });
});

test("a node that dies is named in the banner, and the rest is shown", async () => {
  const dying = cluster.nodes.at(-1);
  const before = await shown.extent();
  process.kill(dying.pid, "SIGKILL");
  await until("the end of the node", async () => !isRunning(dying.pid));
  await sleep(2500); // Columns without it.
  await refresh();
  assert.match(await shown.text("#nodes"), new RegExp(`^2 of 3 nodes answered; what is shown lacks the traffic of: ${dying.name}: .*refused`));
  const after = await shown.extent();
  assert.ok(after.columns[2] > before.columns[2]);
  const { rows, columns } = after;
  const last = await cellAt(0, columns[2] - 2, rows[2], columns[2]);
  assert.ok(last.value >= 0);
  await shown.page.getByText("1 node did not answer").waitFor();
  await shown.shot("cluster-banner");

  // Every number is of the two that are left, once everything is asked for anew.
  await shown.page.locator("#series").selectOption({ label: "Reads" });
  await answered();
  const matrix = await compare("reads");
  assert.deepEqual(matrix.fanout.nodes.map(({ node, ok }) => [node, ok]), cluster.nodes.map(({ name }) => [name, name !== dying.name]));
  assert.deepEqual([...new Set(matrix.rows.map((row) => row.label))].sort(), Object.keys(cluster.hot_keys).sort());
});

test("nothing came from elsewhere, nothing was printed, and Ctrl-C leaves no process behind", async () => {
  assert.ok(shown.requests.every((url) => url.startsWith(first.page)), shown.requests.join("\n"));
  await shown.close();
  assert.equal(await cluster.interrupt(), 0, cluster.log);
  for (const node of cluster.nodes) assert.ok(!isRunning(node.pid), `${node.name} runs on`);
  assert.match(cluster.log, /n3 is gone: signal: killed/);
});

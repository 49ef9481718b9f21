// A browser with pages of the library in it. Whatever a test does, a page must print no error, break no policy, and ask
// for nothing that it should not: closing a page checks that.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { PAGE_TOOL, PAGE_MODULES, CHROMIUM, SHOTS } = process.env;
const { chromium } = createRequire(`${PAGE_MODULES}/`)("playwright-core");

export function render(kind, data) {
  return execFileSync(PAGE_TOOL, [kind], { input: data, maxBuffer: 1 << 28 }).toString();
}

export function policy(kind) {
  return execFileSync(PAGE_TOOL, ["policy", kind]).toString();
}

export class Browser {
  static async start() {
    const started = new Browser();
    started.folder = mkdtempSync(join(tmpdir(), "keyviz-page-"));
    started.browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    return started;
  }

  async stop() {
    await this.browser.close();
    rmSync(this.folder, { recursive: true });
  }

  // A finished page, from a file.
  async finished(data, options) {
    const file = join(this.folder, `page${Math.random()}.html`);
    writeFileSync(file, render("finished", data));
    return this.open(pathToFileURL(file).href, options);
  }

  async open(url, { width = 1280, height = 760, colorScheme = "dark", timezoneId = "Europe/Berlin", expectedErrors = [], deviceScaleFactor = 1, ready = true } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme, timezoneId, deviceScaleFactor });
    const page = await context.newPage();
    const shown = new Shown(page, expectedErrors);
    await page.goto(url);
    if (ready) await shown.drawn();
    return shown;
  }
}

// A page in a window of its own, and what a user sees in it.
export class Shown {
  constructor(page, expectedErrors) {
    this.page = page;
    this.errors = [];
    this.requests = [];
    page.on("console", (message) => {
      const text = message.text();
      if (["error", "warning"].includes(message.type()) && !expectedErrors.some((expected) => text.includes(expected))) this.errors.push(text);
    });
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith("data:")) this.requests.push(request.url());
    });
  }

  async close() {
    await this.page.context().close();
    assert.deepEqual(this.errors, []);
  }

  // Two frames: the first may be that in which the page asks for the one that draws.
  async drawn() {
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }

  async text(selector) {
    return (await this.page.locator(selector).innerText()).replace(/\s+/g, " ").trim();
  }

  // Where the cells are, in the window's px.
  async plot() {
    return this.page.locator("#cells").boundingBox();
  }

  // The middle of a cell, of so many rows and columns in sight.
  async middle(row, column, rows, columns) {
    const { x, y, width, height } = await this.plot();
    return [x + (width * (column + 0.5)) / columns, y + (height * (row + 0.5)) / rows];
  }

  async hover(...cell) {
    await this.page.mouse.move(...(await this.middle(...cell)));
    await this.drawn();
    return this.text("#tip");
  }

  async click(...cell) {
    await this.page.mouse.click(...(await this.middle(...cell)));
    await this.drawn();
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
    await this.drawn();
  }

  // {rows: [first, last, all], columns: [first, last, all]}, counted from 1.
  async extent() {
    const [, rows, columns] = /Rows (.*?) · columns (.*?) ·/.exec(await this.text("#extent"));
    const numbers = (text) => text.replace(/,/g, "").split(/–| of /).map(Number);
    return { rows: numbers(rows), columns: numbers(columns) };
  }

  // The colours of the cells' canvas, as RRGGBB, at fractions of it.
  async colours(points) {
    return this.page.evaluate((at) => {
      const cells = document.getElementById("cells");
      const canvas = new OffscreenCanvas(cells.width, cells.height);
      const ctx = canvas.getContext("2d", { willReadFrequently: true });
      ctx.drawImage(cells, 0, 0);
      return at.map(([x, y]) => {
        const [r, g, b] = ctx.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data;
        return [r, g, b].map((channel) => channel.toString(16).padStart(2, "0")).join("");
      });
    }, points);
  }

  // All of the cells' canvas, as text to compare.
  async picture() {
    return this.page.evaluate(() => document.getElementById("cells").toDataURL());
  }

  async shot(name) {
    if (!SHOTS) return;
    mkdirSync(SHOTS, { recursive: true });
    await this.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }
}

// A server as keyvizhttp is one, on a port of its own, whose traffic the tests make up.

import { createServer } from "node:http";
import { json, matrix } from "./fixtures.mjs";
import { policy, render } from "./harness.mjs";

export class Server {
  // Serves a live page over `source`, a matrix that the test changes as it likes.
  static async start(source, options = {}) {
    const server = new Server();
    server.source = source;
    server.matrixRequests = [];
    server.hotKeyRequests = [];
    server.answer = null; // set: takes the place of the matrix, (request, response)
    server.hotKeys = null; // set: {status, body} of hot keys
    const page = render("live", json({ title: "Live", live: { matrix_url: "keyviz/matrix", hotkeys_url: "keyviz/hotkeys", timeout_ms: 700, ...options } }));
    const header = policy("live");
    server.http = createServer((request, response) => {
      const url = new URL(request.url, "http://localhost");
      if (url.pathname === "/") {
        response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": header });
        response.end(page);
      } else if (url.pathname === "/keyviz/matrix") {
        server.matrixRequests.push(url.searchParams);
        if (server.answer) server.answer(request, response);
        else reply(response, 200, json(server.window(url.searchParams)));
      } else if (url.pathname === "/keyviz/hotkeys") {
        server.hotKeyRequests.push(url.searchParams);
        if (server.hotKeys) reply(response, server.hotKeys.status, json(server.hotKeys.body));
      } else {
        reply(response, 404, json({ code: "not_found", message: url.pathname }));
      }
    });
    await new Promise((done) => server.http.listen(0, "127.0.0.1", done));
    server.url = `http://127.0.0.1:${server.http.address().port}/`;
    return server;
  }

  // The part of the source that the parameters ask for: the rows with the most traffic in it, and none without.
  window(parameters) {
    const from = Number(parameters.get("from_unix_ms") ?? -Infinity);
    const first = this.source.column_unix_ms.findIndex((time) => time >= from);
    const tail = (array) => array && (first < 0 ? [] : array.slice(first));
    const perColumn = ["values", "conflicts", "raft_group_ids", "leader_terms"];
    const rows = this.source.rows
      .map((row) => ({ ...row, ...Object.fromEntries(perColumn.map((name) => [name, tail(row[name])])) }))
      .filter((row) => row.values.some((value) => value > 0));
    const total = (row) => row.values.reduce((sum, value) => sum + Number(value), 0);
    const top = [...rows].sort((a, b) => total(b) - total(a)).slice(0, Number(parameters.get("rows") ?? 1024));
    const series = parameters.get("series");
    return { ...matrix(rows.filter((row) => top.includes(row)), tail(this.source.column_unix_ms)), series, fanout: this.source.fanout };
  }

  // Adds a column; `values` by row id, 0 for the others.
  addColumn(values, step = 60_000) {
    this.source.column_unix_ms.push(this.source.column_unix_ms.at(-1) + step);
    for (const row of this.source.rows) row.values.push(values[row.bucket_id] ?? 0);
  }

  async stop() {
    this.http.closeAllConnections();
    await new Promise((done) => this.http.close(done));
  }
}

export function reply(response, status, body, type = "application/json") {
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
  response.end(body);
}

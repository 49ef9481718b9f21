// The example's cluster as it runs: a process that drives its nodes, each a process of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { existsSync, readFileSync } from "node:fs";

export class Cluster {
  static async start(...flags) {
    const cluster = new Cluster();
    cluster.process = spawn(process.env.CLUSTER, ["-json", "-admin", "127.0.0.1:0", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
    cluster.log = "";
    cluster.process.stderr.on("data", (text) => (cluster.log += text));
    const lines = createInterface({ input: cluster.process.stdout });
    const [line] = await Promise.race([once(lines, "line"), once(cluster.process, "exit").then(() => assert.fail(cluster.log))]);
    Object.assign(cluster, JSON.parse(line)); // nodes, hot_keys
    return cluster;
  }

  // A node's matrix, as it serves it.
  async matrix(node, parameters) {
    const response = await fetch(`${node.page}matrix?${new URLSearchParams(parameters)}`);
    assert.equal(response.status, 200);
    return response.json();
  }

  // Ends it as Ctrl-C does; gives its exit status.
  async interrupt() {
    const ended = once(this.process, "exit");
    this.process.kill("SIGINT");
    const [status] = await ended;
    return status;
  }

  kill() {
    if (this.process.exitCode === null) this.process.kill("SIGKILL");
  }
}

export function isRunning(pid) {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z/.test(readFileSync(stat, "utf8"));
}

// Keeping a matrix up to date over HTTP. One request runs at a time; one that hangs is given up.

const SERIES_OF_SERVER = ["reads", "writes", "read_bytes", "write_bytes"];
const DEFAULT_TIMEOUT_MS = 10000;
const DEFAULT_ROWS = 1024;
const OVERLAP = 3; // columns asked for again, since in a cluster the newest ones fill up late
const LEAST_KEPT = 1440; // columns that stay while new ones come, if there were not more at first
const SLACK = 240; // columns above that, before the oldest go

// GETs `url` with the parameters that are not null. Fails with what the server, or the network, says.
async function askServer(url, parameters, signal, timeoutMs) {
  const target = new URL(url, document.baseURI);
  for (const [name, value] of Object.entries(parameters)) if (value !== null) target.searchParams.set(name, value);
  const limit = AbortSignal.timeout(timeoutMs);
  let response, body;
  try {
    response = await fetch(target, { cache: "no-store", signal: AbortSignal.any([signal, limit]) });
    body = await response.text();
  } catch (error) {
    if (limit.aborted) throw new Error(`no answer within ${duration(timeoutMs)}`);
    throw new Error(signal.aborted ? "given up" : "the server cannot be reached");
  }
  if (!response.ok) throw new Error(serverError(response, body));
  try {
    return parseJson(body);
  } catch {
    throw new Error("the server's answer is not JSON");
  }
}

function serverError(response, body) {
  try {
    const { code, message } = JSON.parse(body);
    if (code) return `${code} (HTTP ${response.status})` + (message ? `: ${message}` : "");
  } catch {
    // No envelope: the status has to do.
  }
  return `HTTP ${response.status} ${response.statusText}`.trim();
}

function missingNodes(fanout) {
  return (fanout?.nodes ?? []).filter((node) => !node.ok);
}

class Live {
  // `options`: the page's data. `took(matrix, change)`: a reply came in; the change is {whole: true} for a new matrix, else
  // what Matrix.update() says, and how many of the oldest columns were dropped.
  constructor(options, { took, failed, busy }) {
    this.options = options;
    this.report = { took, failed, busy };
    this.seconds = 0;
    this.timer = 0;
    this.running = null;
    this.matrix = null;
    document.addEventListener("visibilitychange", () => this.schedule());
  }

  ask = (url, parameters, signal) => askServer(url, parameters, signal, this.options.timeout_ms ?? DEFAULT_TIMEOUT_MS);

  every(seconds) {
    this.seconds = seconds;
    this.schedule();
  }

  // The next refresh; none while nobody looks.
  schedule() {
    clearTimeout(this.timer);
    if (this.seconds && !document.hidden && !this.running) this.timer = setTimeout(() => this.refresh(this.series), this.seconds * 1000);
  }

  // Asks for the series; only for what is new where what we have is of that series and lacks no rows.
  async refresh(series) {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    if (series !== this.series) this.matrix = null;
    this.series = series;
    this.report.busy();
    try {
      const took = (await this.append(running.signal)) ?? (await this.replace(running.signal));
      if (this.running === running) this.report.took(this.matrix, took);
    } catch (error) {
      if (this.running === running) this.report.failed(error, this.seconds);
    }
    if (this.running !== running) return;
    this.running = null;
    this.schedule();
  }

  // A reply as long as the row budget may have left rows out. Then what is new cannot be asked for alone, since the rows
  // of the next reply might be others.
  lacksRows(matrix) {
    return matrix.rows.length >= (this.options.rows ?? DEFAULT_ROWS);
  }

  async fetch(since, signal) {
    const rows = this.options.rows ?? null;
    const reply = await this.ask(this.options.matrix_url, { series: this.series, from_unix_ms: since, rows }, signal);
    signal.throwIfAborted();
    return new Matrix(reply);
  }

  // Takes new columns into the matrix; null if only a whole one will do.
  async append(signal) {
    const { matrix } = this;
    if (!matrix || matrix.times.length <= OVERLAP || this.lacksRows(matrix)) return null;
    const since = overlapStart(matrix);
    const reply = await this.fetch(since, signal);
    if (this.lacksRows(reply)) return null;
    const change = matrix.update(reply, since);
    change.dropped = matrix.times.length > this.most + SLACK ? matrix.times.length - this.most : 0;
    if (change.dropped) matrix.dropColumns(change.dropped);
    return change;
  }

  async replace(signal) {
    this.matrix = await this.fetch(null, signal);
    this.most = Math.max(this.matrix.times.length, LEAST_KEPT);
    return { whole: true };
  }
}

// Between two columns, so that no node's share of a merged column is cut off.
function overlapStart({ times }) {
  return Math.ceil((times.at(-OVERLAP - 1) + times.at(-OVERLAP)) / 2);
}

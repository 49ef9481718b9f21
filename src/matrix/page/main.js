// Starts the page: reads the data, and ties the controls to the app.

function start() {
  const data = parseJson(byId("data").textContent);
  document.title = byId("title").textContent = data.title ?? "Key Visualizer";
  const stage = byId("stage");
  const chart = new Chart(stage);
  const app = new App(chart, { scale: "log", brightness: 0, labels: new Set() });
  app.insights = () => app.matrix?.insights ?? data.insights ?? [];
  chart.layout();
  drawRamp(chart.palette);
  tieTheme(() => {
    chart.takeTheme();
    app.changed();
  });
  listenToPointer(stage, chart, app);
  listenToKeys(stage, app);
  new ResizeObserver(() => {
    chart.layout();
    app.changed();
  }).observe(stage);
  tieControls(app);

  const show = (matrix, from) => {
    app.setMatrix(matrix, from);
    const relabel = () => {
      showLabels(app.matrix, app.settings.labels, () => {
        relabel();
        app.restyle();
      });
    };
    relabel();
    showPinned(app);
    showNodes(matrix);
    showInsights(byId("insights"), app.insights(), matrix, (row) => {
      app.pinRow(row);
      relabel();
    });
  };
  app.pinChanged = () => showPinned(app);
  if (data.live) goLive(app, data.live, show);
  else showFinished(app, data, show);
}

function showFinished(app, data, show) {
  if (!Array.isArray(data.matrices) || !data.matrices.length) throw new Error("The page has no matrix.");
  const matrices = data.matrices.map((json) => new Matrix(json));
  offerSeries(matrices.map((matrix) => matrix.series), matrices[0].series, (index) => show(matrices[index]));
  show(matrices[0]);
}

function goLive(app, options, show) {
  byId("live").hidden = false;
  const status = byId("live-status");
  const hotKeys = options.hotkeys_url ? new HotKeys(byId("hot-keys"), options.hotkeys_url, (...request) => live.ask(...request)) : null;
  const showHotKeys = () => hotKeys?.show(app.pinned()?.row ?? null, live.series);
  const live = new Live(options, {
    busy: () => {
      status.textContent = "Asking …";
    },
    took: (matrix, change) => {
      banner("problem");
      status.textContent = `As of ${localClock(new Date())}`;
      show(matrix, change.whole || change.newRows || change.dropped ? 0 : change.changed);
      showHotKeys();
    },
    failed: (error, seconds) => {
      const shown = app.matrix ? " What is shown is older." : "";
      banner("problem", `Refresh failed: ${error.message}.${shown}${seconds ? ` Trying again in ${seconds} s.` : ""}`);
      status.textContent = "Failed";
    },
  });
  app.pinChanged = () => {
    showPinned(app);
    showHotKeys();
  };
  offerSeries(SERIES_OF_SERVER, "writes", (index) => live.refresh(SERIES_OF_SERVER[index]));
  byId("refresh").addEventListener("change", (event) => live.every(Number(event.target.value)));
  byId("refresh-now").addEventListener("click", () => live.refresh(live.series));
  live.every(Number(byId("refresh").value));
  live.refresh("writes");
}

function offerSeries(names, chosen, change) {
  const select = byId("series");
  byId("series-field").hidden = names.length < 2;
  select.replaceChildren(...names.map((name, i) => element("option", { value: String(i), selected: name === chosen }, seriesName(name))));
  select.addEventListener("change", () => change(Number(select.value)));
}

function tieControls(app) {
  for (const radio of document.querySelectorAll("input[name=scale]")) {
    radio.addEventListener("change", () => {
      app.settings.scale = radio.value;
      app.restyle();
    });
  }
  byId("brightness").addEventListener("input", (event) => {
    app.settings.brightness = Number(event.target.value);
    app.restyle();
  });
  const zoomBoth = (factor) => ["x", "y"].forEach((axis) => app.zoom(axis, factor, 0.5));
  byId("zoom-in").addEventListener("click", () => zoomBoth(STEP));
  byId("zoom-out").addEventListener("click", () => zoomBoth(1 / STEP));
  byId("zoom-reset").addEventListener("click", () => app.showAll());
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
}

// Light or dark as the system has it, until the user says otherwise.
function tieTheme(changed) {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = byId("theme");
  let chosen = null;
  const apply = () => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = theme;
    const other = theme === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Switch to the ${other} theme`);
    changed();
  };
  button.addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

try {
  start();
} catch (error) {
  banner("problem", error.message);
}

// Mouse, touch and keys on the stage, turned into what the app can do: zoom, pan, hover, pin.

const CLICK = 4; // px that a pointer may move and still click
const STEP = 1.4; // one press of a zoom key

function listenToPointer(stage, chart, app) {
  const pointers = new Map();
  let drag = null;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = at(event);
    const { fx, fy, inX, inY } = chart.locate(x, y);
    const lines = event.deltaMode === 0 ? 1 : 16;
    // With Shift, browsers turn the wheel sideways.
    const delta = (event.shiftKey && !event.deltaY ? event.deltaX : event.deltaY) * lines;
    const factor = Math.exp(-Math.max(-240, Math.min(240, delta)) / 300);
    if (!event.shiftKey && (inX || !inY)) app.zoom("x", factor, Math.max(0, Math.min(1, fx)));
    if (!event.altKey && (inY || !inX)) app.zoom("y", factor, Math.max(0, Math.min(1, fy)));
    if (!event.shiftKey && event.deltaX) app.pan("x", (event.deltaX * lines) / chart.plot.width);
  }, { passive: false });

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    const point = at(event);
    pointers.set(event.pointerId, point);
    drag = { from: point, last: point, moved: false, box: event.shiftKey };
  });

  stage.addEventListener("pointermove", (event) => {
    const point = at(event);
    if (!pointers.has(event.pointerId)) {
      app.hover(chart.cellAt(point.x, point.y, app.levels, app.view), point);
      return;
    }
    if (pointers.size === 2) {
      pinch(pointers, event.pointerId, point);
      drag.moved = true;
      return;
    }
    pointers.set(event.pointerId, point);
    if (!drag.moved && Math.hypot(point.x - drag.from.x, point.y - drag.from.y) < CLICK) return;
    drag.moved = true;
    if (drag.box) {
      app.showBox(boxOf(drag.from, point));
    } else {
      app.pan("x", (drag.last.x - point.x) / chart.plot.width);
      app.pan("y", (drag.last.y - point.y) / chart.plot.height);
    }
    drag.last = point;
  });

  const release = (event) => {
    const last = pointers.get(event.pointerId);
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    const { moved, box, from } = drag;
    drag = null;
    if (event.type === "pointercancel") app.showBox(null);
    else if (moved && box) app.zoomToBox(boxOf(from, last));
    else if (!moved) app.click(chart.cellAt(last.x, last.y, app.levels, app.view));
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", () => app.hover(null, null));

  function boxOf(a, b) {
    const { plot } = chart;
    const clampX = (x) => Math.max(plot.x, Math.min(plot.x + plot.width, x));
    const clampY = (y) => Math.max(plot.y, Math.min(plot.y + plot.height, y));
    const [x0, x1] = [clampX(a.x), clampX(b.x)].sort((p, q) => p - q);
    const [y0, y1] = [clampY(a.y), clampY(b.y)].sort((p, q) => p - q);
    return { x0, x1, y0, y1 };
  }

  // Two fingers: zoom by how their distance changes, around their middle.
  function pinch(fingers, moved, point) {
    const [other] = [...fingers].filter(([id]) => id !== moved).map(([, p]) => p);
    const before = fingers.get(moved);
    fingers.set(moved, point);
    const { fx, fy } = chart.locate((other.x + point.x) / 2, (other.y + point.y) / 2);
    const distance = (p) => Math.max(20, Math.hypot(p.x - other.x, p.y - other.y));
    const factor = distance(point) / distance(before);
    app.zoom("x", factor, fx);
    app.zoom("y", factor, fy);
  }
}

function listenToKeys(stage, app) {
  const pan = 0.1;
  const both = (factor) => ["x", "y"].forEach((axis) => app.zoom(axis, factor, 0.5));
  const arrow = (event, axis, by) => (event.shiftKey ? app.pan(axis, by * pan) : app.step(axis === "x" ? by : 0, axis === "y" ? by : 0));
  const keys = {
    ArrowLeft: (event) => arrow(event, "x", -1),
    ArrowRight: (event) => arrow(event, "x", 1),
    ArrowUp: (event) => arrow(event, "y", -1),
    ArrowDown: (event) => arrow(event, "y", 1),
    PageUp: () => app.pan("y", -0.9),
    PageDown: () => app.pan("y", 0.9),
    Home: () => app.step(-Infinity, 0),
    End: () => app.step(Infinity, 0),
    "+": () => both(STEP),
    "=": () => both(STEP),
    "-": () => both(1 / STEP),
    x: () => app.zoom("x", STEP, 0.5),
    X: () => app.zoom("x", 1 / STEP, 0.5),
    y: () => app.zoom("y", STEP, 0.5),
    Y: () => app.zoom("y", 1 / STEP, 0.5),
    0: () => app.showAll(),
    Enter: () => app.click(app.cursor),
    " ": () => app.click(app.cursor),
    Escape: () => {
      app.hover(null, null);
      app.pinCell(null);
    },
    "?": () => byId("help").showModal(),
  };
  stage.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key](event);
  });
}

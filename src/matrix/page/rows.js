// A row's id says what it is:
//   route:<id>[:<label>][#<sub-bucket>]   virtual:<id>[@<node>]   merged:<anything>
// Route ids have 64 bits and stay text.

function parseRowId(id) {
  const route = /^route:(\d+)(?::(.*?))?(?:#(\d+))?$/s.exec(id);
  return route ? { kind: "route", route: route[1], subBucket: route[3] ?? null } : { kind: id.split(":", 1)[0] };
}

function rowName(id, label) {
  const { kind, route, subBucket } = parseRowId(id);
  if (kind !== "route") return id;
  return `route:${route}${label ? " / " + label : ""}${subBucket === null ? "" : " #" + subBucket}`;
}

// "×12" where a row stands for twelve routes.
function membersMark(row) {
  return row.aggregate ? "×" + exact(row.routeCount) : "";
}

function labelName(label) {
  return label || "no label";
}

// LABEL_COLOURS and OTHER_COLOURS come from the library, which draws its pictures in the same ones.
function labelColour(label) {
  if (Object.hasOwn(LABEL_COLOURS, label)) return LABEL_COLOURS[label];
  const sum = new TextEncoder().encode(label).reduce((a, b) => a + b, 0);
  return OTHER_COLOURS[sum % OTHER_COLOURS.length];
}

// What the library says of a row: a verdict, and for a hot route where to split it.

// The insight for a row and series; one for the route holds for its sub-buckets.
function insightFor(insights, row, series) {
  const whole = row.id.replace(/#\d+$/, "");
  const fits = (id) => insights.find((i) => i.bucket_id === id && (!i.series || i.series === series));
  return fits(row.id) ?? fits(whole) ?? null;
}

function splitText(insight) {
  if (!insight.split_key_b64) return "";
  const key = cutMiddle(readableKey(bytesOf(insight.split_key_b64)), 64);
  const left = typeof insight.balance === "number" ? Math.round(insight.balance * 100) : null;
  return `Split at ${key}` + (left === null ? "" : ` (${left} % below, ${100 - left} % above)`);
}

function insightLines(insight) {
  const split = splitText(insight);
  return [
    element("p", {}, element("span", { class: "verdict", data: { verdict: insight.verdict } }, insight.verdict), " ", insight.detail ?? ""),
    split ? element("p", { class: "split" }, split) : null,
  ];
}

// The list of all of them; `choose` gets the row's id.
function showInsights(place, insights, matrix, choose) {
  const here = insights.filter((i) => !i.series || i.series === matrix.series);
  place.hidden = here.length === 0;
  if (here.length === 0) return;
  const items = here.map((insight) => {
    const row = matrix.rows.find((r) => r.id === insight.bucket_id || r.id.startsWith(insight.bucket_id + "#"));
    const name = row && row.id === insight.bucket_id ? row.name : rowName(insight.bucket_id, row?.label ?? "");
    const button = element("button", { type: "button", class: "row-link", disabled: !row, onclick: () => choose(row) }, name);
    return element("li", {}, button, ...insightLines(insight));
  });
  place.replaceChildren(element("h2", {}, "What it says"), element("ul", {}, ...items));
}

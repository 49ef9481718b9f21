// What is said of one cell, for the tip, the pinned cell and the screen reader: [term, text] pairs.

function cellFacts(matrix, row, column) {
  const value = row.values[column];
  const facts = [
    [seriesName(matrix.series), exact(value)],
    ["Time", localTime(matrix.times[column])],
    ["Keys", rangeText(row, 40)],
  ];
  if (matrix.series.endsWith("bytes") && Number(value) >= 1024) facts.splice(1, 0, ["", "≈ " + approximately(Number(value), matrix.series)]);
  const gap = matrix.gaps.find((g) => g.column === column);
  if (gap) facts.push(["Gap", `${duration(gap.ms)} since the column before`]);
  if (row.aggregate) facts.push(["Routes", exact(row.routeCount)]);
  const [group, term] = [row.groups?.[column] ?? 0, row.terms?.[column] ?? 0];
  if (Number(group) || Number(term)) facts.push(["Raft group", `${exact(group)}, ${Number(term) ? `term ${exact(term)}` : "term unknown"}`]);
  if (row.conflicts?.[column]) facts.push(["Conflict", "the nodes disagree on this cell"]);
  return facts;
}

// What is said of the row over all columns, beyond the cell.
function rowFacts(matrix, row) {
  const total = sumExactly(row.values);
  const facts = [["Row total", exact(total)]];
  if (row.conflict && !row.conflicts) facts.push(["Conflict", "the nodes disagree somewhere in this row"]);
  if (row.routeIds.length) {
    const listed = row.routeIds.slice(0, 24).map(String).join(", ");
    const more = row.routeIdsTruncated || row.routeIds.length > 24;
    facts.push(["Route ids", listed + (more ? ", …" : "")]);
  }
  return facts;
}

function factList(facts) {
  return element("dl", {}, ...facts.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, text)]));
}

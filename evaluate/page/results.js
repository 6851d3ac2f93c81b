
// The *.json of the runs' folders: sections of rows, a table each; whatever has another form, as a plain table.
const isRow = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isSection = (value) => Array.isArray(value) && value.length > 0 && value.every(isRow);
const isCurve = (value) => Array.isArray(value) && value.length > 2 && value.every((v) => v === null || isNumber(v));

function spark(values) {
  const range = visibleRange(values, false);
  if (!range) return "–";
  const y = position(range.low, range.high, false);
  const points = values.map((v, i) => (isNumber(v)
    ? `${(2 + 176 * i / (values.length - 1)).toFixed(1)},${(34 - 32 * y(v)).toFixed(1)}` : null)).filter(Boolean);
  const text = `${values.length} values from ${short(values[0])} to ${short(values.at(-1))}`;
  return svg("svg", { class: "spark", viewBox: "0 0 180 36", role: "img", "aria-label": text },
    svg("title", {}, text), svg("polyline", { points: points.join(" "), fill: "none", stroke: "var(--c0)", "stroke-width": 1.5 }));
}

function content(value) {
  if (isCurve(value)) return spark(value);
  if (typeof value === "number") return short(value);
  if (value === null || value === undefined) return "–";
  if (typeof value !== "object") return String(value);
  return plainTable(value);
}
const cell = (value) => html("td", { class: isNumber(value) ? "number" : null, title: isNumber(value) ? value : null }, content(value));

// Names beside values, at any depth.
function plainTable(value) {
  const rows = Object.entries(value).map(([key, inner]) =>
    html("tr", {}, html("th", { scope: "row" }, key), cell(inner)));
  return html("table", {}, html("tbody", {}, rows));
}

// The rows of all runs that have this section; rows of one name stand together.
function sectionTable(title, entries) {
  const columns = [...new Set(entries.flatMap(({ rows }) => rows.flatMap(Object.keys)))];
  const order = ["name", "value", ...columns.filter((c) => !["name", "value", "note"].includes(c)), "note"].filter((c) => columns.includes(c));
  const labelled = entries.flatMap(({ index, rows }) => rows.map((row) => ({ index, row })));
  const names = [...new Set(labelled.map(({ row }) => row.name))];
  const sorted = names.flatMap((name) => labelled.filter(({ row }) => row.name === name));
  return html("div", { class: "card scroll" }, html("table", {}, html("caption", {}, title),
    html("thead", {}, html("tr", {}, several ? html("th", { scope: "col" }, "run") : null,
      order.map((column) => html("th", { scope: "col" }, column === "name" ? "" : column)))),
    html("tbody", {}, sorted.map(({ index, row }) => html("tr", {},
      several ? html("td", {}, runLabel(index)) : null,
      order.map((column) => (column === "name" ? html("th", { scope: "row" }, content(row.name)) : cell(row[column]))))))));
}

function resultsSection() {
  const sections = new Map();  // title -> entries of runs, in the order of the files
  const plain = [];
  runs.forEach((run, index) => run.results.forEach(({ file, content: whole }) => {
    const parts = isRow(whole) ? Object.entries(whole) : [["", whole]];
    const rest = [];
    for (const [name, value] of parts) {
      if (!isSection(value)) { rest.push([name, value]); continue; }
      const title = `${name} (${file})`;
      if (!sections.has(title)) sections.set(title, []);
      sections.get(title).push({ index, rows: value });
    }
    if (rest.length) plain.push(html("div", { class: "card scroll" }, html("table", {},
      html("caption", {}, file, several ? [" of ", runLabel(index)] : null),
      html("tbody", {}, rest.map(([name, value]) => html("tr", {}, name ? html("th", { scope: "row" }, name) : null, cell(value)))))));
  }));
  if (!sections.size && !plain.length) return;
  section("results", "Results", html("div", { class: "results" },
    [...sections].map(([title, entries]) => sectionTable(title, entries)), plain));
}
resultsSection();

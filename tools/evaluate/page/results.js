
// The *.json of the runs' folders: sections of rows, a table each; whatever has another form, as names and values.
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
const named = (key) => key.replaceAll("_", " ");
const errorOf = (column) => (column === "value" ? "plus_minus" : `${column}_plus_minus`);
function cell(value, error) {
  const number = isNumber(value);
  return html("td", { class: number ? "number" : null, title: number ? value : null }, content(value),
    isNumber(error) ? ` ± ${short(Number(error.toPrecision(2)))}` : null);
}

// Names beside values, at any depth.
function plainTable(value) {
  const rows = Object.entries(value).map(([key, inner]) =>
    html("tr", {}, html("th", { scope: "row" }, named(key)), cell(inner)));
  return html("table", {}, html("tbody", {}, rows));
}

// The rows of one run by their names; a name's first row, its second … are apart.
function byName(rows) {
  const seen = new Map();
  return new Map(rows.map((row) => {
    const nth = seen.get(row.name) ?? 0;
    seen.set(row.name, nth + 1);
    return [JSON.stringify([row.name, nth]), row];
  }));
}

// Rows of one name are one row: the runs' values stand side by side, and so does what else differs between them;
// what is equal stands there once.
function sectionTable(title, entries) {
  const parts = entries.map(({ index, rows }) => ({ index, rows: byName(rows) }));
  const keys = [...new Set(parts.flatMap(({ rows }) => [...rows.keys()]))];
  const all = [...new Set(entries.flatMap(({ rows }) => rows.flatMap(Object.keys)))];
  const errors = new Set(all.map(errorOf));
  const columns = all.filter((column) => !["name", "note"].includes(column) && !errors.has(column));
  if (all.includes("note")) columns.push("note");
  const cellOf = (row, column) => cell(row?.[column], row?.[errorOf(column)]);
  const present = (key) => parts.map(({ rows }) => rows.get(key)).filter(Boolean);
  const differs = (key, column) =>
    new Set(present(key).map((row) => JSON.stringify([row[column], row[errorOf(column)]]))).size > 1;
  const apart = new Set(several
    ? columns.filter((column) => column === "value" || keys.some((key) => differs(key, column))) : []);
  const head = (column) => (apart.has(column)
    ? html("th", { scope: "colgroup", colspan: parts.length }, named(column))
    : html("th", { scope: "col", rowspan: apart.size ? 2 : null }, named(column)));
  return html("div", { class: "card scroll" }, html("table", {}, html("caption", {}, title),
    html("thead", {},
      html("tr", {}, html("td", { rowspan: apart.size ? 2 : null }), columns.map(head)),
      apart.size ? html("tr", {}, [...apart].flatMap(() => parts.map(({ index }) => html("th", { scope: "col" }, runLabel(index))))) : null),
    html("tbody", {}, keys.map((key) => html("tr", {},
      html("th", { scope: "row" }, content(present(key)[0].name)),
      columns.flatMap((column) => {
        if (apart.has(column) && (differs(key, column) || present(key).length < parts.length))
          return parts.map(({ rows }) => cellOf(rows.get(key), column));
        const common = cellOf(present(key)[0], column);
        if (apart.has(column)) common.colSpan = parts.length;
        return [common];
      }))))));
}

// Sections of one title and file go into one table; what else a file holds makes a table below them.
function resultsSection() {
  const sections = new Map();  // title -> entries of runs, in the order of the files
  const add = (title, index, rows) => {
    if (!sections.has(title)) sections.set(title, []);
    sections.get(title).push({ index, rows });
  };
  runs.forEach((run, index) => run.results.forEach(({ file, content: whole }) => {
    const parts = isRow(whole) ? Object.entries(whole) : [["", whole]];
    for (const [name, value] of parts.filter(([, value]) => isSection(value))) add(`${name} (${file})`, index, value);
    const rest = parts.filter(([, value]) => !isSection(value));
    if (rest.length) add(file, index, rest.map(([name, value]) => ({ name: named(name), value })));
  }));
  if (!sections.size) return;
  section("results", "Results", html("div", { class: "results" },
    [...sections].map(([title, entries]) => sectionTable(title, entries))));
}
resultsSection();

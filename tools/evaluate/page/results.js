
// The *.json of the runs' folders: sections of sentences, sections of rows, a table each; whatever has another form, as
// names and values.
const isRow = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isSection = (value) => Array.isArray(value) && value.length > 0 && value.every(isRow);
const isSentences = (value) => Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "string");
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
// The runs that a table or a text is of, where the page has others too.
const ofRuns = (entries) => (several && entries.length < runs.length
  ? [": ", ...entries.flatMap(({ index }, i) => [i ? ", " : null, runLabel(index)])] : []);
const named = (key) => key.replaceAll("_", " ");
const errorOf = (column) => (column === "value" ? "plus_minus" : `${column}_plus_minus`);
function cell(value, error) {
  const number = isNumber(value);
  const kind = number ? "number" : value === null || value === undefined ? "none" : typeof value === "object" ? "wide" : null;
  return html("td", { class: kind, title: number ? value : null }, content(value),
    isNumber(error) ? html("span", {}, ` ± ${short(Number(error.toPrecision(2)))}`) : null);
}

// Names beside values, at any depth.
function plainTable(value) {
  const rows = Object.entries(value).map(([key, inner]) =>
    html("tr", {}, html("th", { scope: "row" }, named(key)), cell(inner)));
  return html("table", {}, html("tbody", {}, rows));
}

// The rows of one run by their names; a name's first row, its second … are apart.
function byName(rows, key) {
  const seen = new Map();
  return new Map(rows.map((row) => {
    const name = row[key];
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    return [JSON.stringify([name, nth]), row];
  }));
}

// What names a row: "name", or else the first column that holds nothing but text.
function nameColumn(rows) {
  const columns = Object.keys(rows[0]);
  return columns.includes("name") ? "name" : columns.find((column) => rows.every((row) => typeof row[column] === "string")) ?? "name";
}

// Columns with the same word or whole number, as a count, in every row of three or more: it is said once, above the table.
function commonColumns(rows, columns) {
  const same = (column) => (typeof rows[0][column] === "string" || Number.isInteger(rows[0][column])) &&
    rows.every((row) => row[column] === rows[0][column]);
  return rows.length > 2 ? columns.filter((column) => !["value", "note"].includes(column) && same(column)) : [];
}

// Rows of one name are one row: the runs' values stand side by side, and so does what else differs between them;
// what is equal stands there once. Each cell knows its column's name: where there is no room for columns (style.css),
// a row becomes a block of names and values.
function sectionTable(title, entries) {
  const every = entries.flatMap(({ rows }) => rows), nameOf = nameColumn(every);
  const parts = entries.map(({ index, rows }) => ({ index, rows: byName(rows, nameOf) }));
  const keys = [...new Set(parts.flatMap(({ rows }) => [...rows.keys()]))];
  const all = [...new Set(every.flatMap(Object.keys))];
  const errors = new Set(all.map(errorOf));
  const inside = all.filter((column) => ![nameOf, "note"].includes(column) && !errors.has(column));
  const common = commonColumns(every, inside), columns = inside.filter((column) => !common.includes(column));
  if (all.includes("note")) columns.push("note");
  const present = (key) => parts.map(({ rows }) => rows.get(key)).filter(Boolean);
  const differs = (key, column) =>
    new Set(present(key).map((row) => JSON.stringify([row[column], row[errorOf(column)]]))).size > 1;
  const apart = new Set(several
    ? columns.filter((column) => column === "value" || keys.some((key) => differs(key, column))) : []);
  const cellOf = (row, column, run) => {
    const node = cell(row?.[column], row?.[errorOf(column)]);
    const label = [column === "value" ? null : named(column), run === undefined ? null : runs[run].name].filter(Boolean).join(", ");
    if (column === "note") node.classList.add("note");
    else if (label) node.dataset.label = label;
    node.setAttribute("role", "cell");
    return node;
  };
  const head = (column) => (apart.has(column)
    ? html("th", { scope: "colgroup", role: "columnheader", colspan: parts.length }, named(column))
    : html("th", { scope: "col", role: "columnheader", rowspan: apart.size ? 2 : null }, named(column)));
  const heads = [html("tr", { role: "row" }, html("td", { role: "cell", rowspan: apart.size ? 2 : null }), columns.map(head))];
  if (apart.size)
    heads.push(html("tr", { role: "row" }, [...apart].flatMap(() =>
      parts.map(({ index }) => html("th", { scope: "col", role: "columnheader" }, runLabel(index))))));
  const body = keys.map((key, i) => html("tr", { role: "row" },
    html("th", { scope: "row", role: "rowheader" }, content(present(key)[0][nameOf] ?? i + 1)),
    columns.flatMap((column) => {
      if (apart.has(column) && (differs(key, column) || present(key).length < parts.length))
        return parts.map(({ index, rows }) => cellOf(rows.get(key), column, index));
      const shared = cellOf(present(key)[0], column);
      if (apart.has(column)) shared.colSpan = parts.length;
      return [shared];
    })));
  const single = !several && inside.join() === "value";  // a name and a value stand side by side anywhere
  const inAll = common.map((column) => `${named(column)} ${content(every[0][column])}`).join(", ");
  // the roles are what these elements mean anyway: browsers forget it where style.css makes blocks of rows
  return html("div", { class: "scroll" }, html("table", { class: single ? "rows pairs" : "rows", role: "table" },
    html("caption", {}, title, ofRuns(parts), inAll ? html("small", {}, ` ${inAll} in all rows`) : null),
    html("thead", { role: "rowgroup" }, heads), html("tbody", { role: "rowgroup" }, body)));
}

// Sentences of each run.
function sentenceCard(title, entries) {
  return html("div", { class: "card" }, html("h3", {}, title), entries.map(({ index, rows }) => [
    several ? html("h4", {}, runLabel(index)) : null, html("ul", {}, rows.map((row) => html("li", {}, row)))]).flat());
}

// Scores of one name side by side: of what was generated, of the same after revision, of real images.
function besideEachOther(rows) {
  const scores = new Map();
  for (const { name, images, value, plus_minus, floor, floor_plus_minus, note, ...rest } of rows) {
    if (!scores.has(name)) scores.set(name, { name });
    Object.assign(scores.get(name), { [images]: value, [errorOf(images)]: plus_minus, ...rest, note });
    if (floor !== undefined) scores.get(name).real_images = floor;
    if (floor_plus_minus !== undefined) scores.get(name)[errorOf("real_images")] = floor_plus_minus;
  }
  // columns stand in the order in which rows name them
  return [...scores.values()].map(({ name, generated, revised, real_images, ...rest }) =>
    Object.fromEntries(Object.entries({ name, generated, revised, real_images, ...rest }).filter(([, value]) => value !== undefined)));
}

// What a run's evaluation has written: the rows of its scores.
const scoreRows = (whole) =>
  (isRow(whole) && isSection(whole.Scores) && whole.Scores.every((row) => "images" in row) ? whole.Scores : null);
const evaluated = (run) => run.results.flatMap(({ content: whole }) => scoreRows(whole) ?? []);

// The order of results: files are known by what commands write into them, or by their name.
const kinds = [
  (file, whole) => scoreRows(whole),
  (file, whole) => whole.temperatures || whole.nats_forward !== undefined || /^loglik|likelihood/.test(file),
  (file, whole) => whole["Outliers by U"] || (whole.histogram && whole.out) || /^ood/.test(file),
  (file, whole) => whole["Mixing of the chains"] || whole.in_words || /^diagnos/.test(file),
  (file, whole) => whole.Reconstruction || /^reconstruct/.test(file),
  () => true,
];

// Sections of one title and file go into one table, sentences above a file's tables; what else it holds makes a table below
// them.
function resultTables(ofScores) {
  const files = runs.flatMap((run, index) => run.results.map((result) => (
    { index, file: result.file, whole: result.content, kind: kinds.findIndex((is) => is(result.file, result.content ?? {})) })));
  const sections = new Map();  // title -> entries of runs
  const add = (title, form, index, rows) => {
    const key = `${form} ${title}`;
    if (!sections.has(key)) sections.set(key, { title, form, entries: [] });
    sections.get(key).entries.push({ index, rows });
  };
  files.sort((a, b) => a.kind - b.kind || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));  // runs stay in their order
  for (const { index, file, whole } of files.filter(({ kind }) => (kind === 0) === ofScores)) {
    const parts = isRow(whole) ? Object.entries(whole) : [["", whole]];
    const sentences = parts.filter(([, value]) => isSentences(value)), tables = parts.filter(([, value]) => isSection(value));
    for (const [name, value] of sentences) add(`${named(name)} (${file})`, "sentences", index, value);
    for (const [name, value] of tables)
      add(`${name} (${file})`, "table", index, ofScores && name === "Scores" ? besideEachOther(value) : value);
    const rest = parts.filter(([, value]) => !isSection(value) && !isSentences(value));
    const title = ofScores ? `What the scores of ${file} depend on` : sentences.length || tables.length ? `What else ${file} holds` : file;
    if (rest.length) add(title, "rest", index, rest.map(([name, value]) => ({ name: named(name), value })));
  }
  const card = (title, form, entries) => {
    if (form === "sentences") return sentenceCard(title, entries);
    return ofScores && form === "rest" ? folded(title, sectionTable("", entries))
      : html("div", { class: "card" }, sectionTable(title, entries));
  };
  return [...sections.values()].map(({ title, form, entries }) => card(title, form, entries));
}

function resultsSection() {
  const tables = resultTables(false);
  if (tables.length) section("results", "Results", html("div", { class: "results" }, tables));
}

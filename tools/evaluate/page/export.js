
// A chart as a file of its own: a picture for a paper, a table for another program.

// Gives the reader a file; whoever listens for "download" at the chart may take its text instead (report_check.sh does).
function download(chart, name, ending, type, text) {
  const file = `${name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "")}.${ending}`;
  const event = new CustomEvent("download", { bubbles: true, cancelable: true, detail: { file, type, text } });
  if (!chart.dispatchEvent(event)) return;
  const url = URL.createObjectURL(new Blob([text], { type }));
  html("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const csvField = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));

// All values of the lines, whatever part of them is shown: a row for each stretch of iterations, empty where it is not
// a number.
function csvOf(lines) {
  const rows = [["run", "column", "iteration", "elapsed_seconds", "mean", "least", "greatest"]];
  for (const line of lines)
    line.mean.forEach((mean, i) =>
      rows.push([line.run.name, line.column, line.iterations[i], line.elapsed[i], mean, line.least[i], line.greatest[i]]));
  return rows.map((row) => row.map(csvField).join(",") + "\n").join("");
}

// Attributes instead of the page's style, which a file of its own does not have.
const drawnAs = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "paint-order",
  "font-size", "font-weight"];
function withOwnStyle(element) {
  const copy = element.cloneNode(true);
  const originals = [...element.querySelectorAll("*")];
  [...copy.querySelectorAll("*")].forEach((node, i) => {
    const style = getComputedStyle(originals[i]);
    for (const name of drawnAs) node.setAttribute(name, style.getPropertyValue(name));
    node.removeAttribute("class");
    node.removeAttribute("style");
  });
  for (const hidden of copy.querySelectorAll('[visibility="hidden"]')) hidden.remove();
  return [...copy.childNodes];
}

// A colour of the page's style as a number.
const resolved = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The lines' names in as many rows as they need; widths are guessed: text has none before it is drawn.
function legendRows(lines, width, y) {
  const parts = [];
  let at = 10;
  for (const line of lines) {
    const needed = 36 + 6.6 * line.name.length + 16;
    if (at > 10 && at + needed > width) { at = 10; y += 18; }
    parts.push(svg("line", { x1: at, x2: at + 26, y1: y - 4, y2: y - 4, stroke: resolved(line.colour.slice(4, -1)), "stroke-width": 2.4,
      "stroke-dasharray": line.dash }), svg("text", { x: at + 32, y, fill: resolved("--text"), "font-size": 12 }, line.name));
    at += needed;
  }
  return { parts, end: y };
}

function standaloneSvg(spec, lines, picture) {
  const above = 30, bests = (spec.bests ?? []).map(({ text }) => text);
  const words = [...bests, spec.title, ...lines.map((line) => `${line.name}      `)];
  const width = Math.ceil(Math.max(Number(picture.getAttribute("viewBox").split(" ")[2]), ...words.map((text) => 20 + 7 * text.length)));
  const { parts, end } = legendRows(lines, width, above + height + 14);
  const notes = bests.map((text, i) => svg("text", { x: 10, y: end + 18 * (i + 1), fill: resolved("--muted"), "font-size": 12 }, text));
  const tall = end + 18 * notes.length + 12;
  const file = svg("svg", { width, height: tall, viewBox: `0 0 ${width} ${tall}`, "font-family": "system-ui, 'DejaVu Sans', sans-serif" },
    svg("title", {}, several ? spec.title : `${spec.title} of ${title}`),
    svg("rect", { width, height: tall, fill: resolved("--card") }),
    svg("text", { x: 10, y: 20, fill: resolved("--text"), "font-size": 14, "font-weight": 600 }, spec.title),
    svg("g", { transform: `translate(0 ${above})` }, withOwnStyle(picture)), parts, notes);
  return new XMLSerializer().serializeToString(file);
}

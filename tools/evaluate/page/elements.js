</script>
<script type="module">
const SVG = "http://www.w3.org/2000/svg";
const data = JSON.parse(document.getElementById("data").textContent);
const runs = data.runs;
const several = runs.length > 1;

// An element with attributes and children. Strings become text, never markup: what files hold cannot act.
function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
const html = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const count = (value) => value.toLocaleString("en-US");
// Four digits, or three with an exponent where zeros would take more room.
function short(value) {
  if (!isNumber(value)) return "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? String(Number(value.toPrecision(3)).toExponential()).replace("e+", "e")
    : Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));
  return text.replaceAll("-", "−");
}
function duration(seconds) {
  if (!isNumber(seconds)) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

const colour = (index) => `var(--c${index % 8})`;
// A run's name behind its colour, which it has everywhere on the page.
const runLabel = (index) =>
  html("span", {}, several ? html("span", { class: "dot", style: `background:${colour(index)}` }) : null, runs[index].name);

// A titled part of the page and its entry in the contents.
function section(id, title, ...children) {
  const part = html("section", { id }, html("h2", {}, title), ...children);
  document.getElementById("main").append(part);
  document.getElementById("contents").append(html("a", { href: `#${id}` }, title));
  return part;
}

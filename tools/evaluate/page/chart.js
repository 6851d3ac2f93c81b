
// One chart: some columns of metrics.csv, of all runs on the same axes. The line is the mean of each stretch of
// iterations, the band around it reaches from its least to its greatest value.
const dashes = ["", "6 3", "2 3", "8 3 2 3"];
const height = 210, left = 54, right = 10, top = 8, bottom = 24;
const redraws = [];
let byTime = false;  // the horizontal axis: iterations, or seconds of training

function chart(spec) {
  const lines = [];
  runs.forEach((run, index) => spec.lines.forEach(([column, label], order) => {
    const values = run.curves?.columns[column];
    if (!values) return;
    lines.push({ run, values, label, least: values.least ?? values.mean, greatest: values.greatest ?? values.mean,
      name: several ? (spec.lines.length > 1 ? `${run.name}: ${label}` : run.name) : label,
      colour: colour(several ? index : order), dash: dashes[order % 4] });
  }));
  if (!lines.length) return null;
  const canBeLog = lines.every(({ values }) => values.mean.some((v) => v > 0) && values.mean.every((v) => !(v < 0)));
  let log = Boolean(spec.log) && canBeLog;
  const picture = svg("svg", { role: "img", tabindex: 0 });
  const clip = `clip-${redraws.length}`;
  const tip = html("div", { class: "tip", hidden: "", role: "status" });
  const beyond = html("p");
  const toggle = canBeLog ? html("button", { type: "button", "aria-pressed": String(log), onclick: () => {
    log = !log;
    toggle.setAttribute("aria-pressed", String(log));
    draw();
  } }, "log") : null;
  const node = html("div", { class: "card chart" },
    html("div", { class: "bar" }, html("h3", {}, spec.title), toggle),
    spec.about ? html("p", {}, spec.about) : null, picture, tip,
    lines.length > 1 || several ? html("ul", { class: "legend" }, lines.map((line) => html("li", {},
      svg("svg", { "aria-hidden": "true" }, svg("line", { x1: 0, x2: 26, y1: 4, y2: 4, stroke: line.colour, "stroke-width": 2.4,
        "stroke-dasharray": line.dash })), line.name))) : null,
    beyond);

  const xs = (line) => (byTime ? line.run.curves.elapsed : line.run.curves.iterations);
  let x = null, y = null, width = 0, cursor = null;

  function draw() {
    width = Math.max(240, picture.clientWidth);
    const range = visibleRange(lines.flatMap((line) => [...line.least, ...line.greatest]), log);
    picture.replaceChildren();
    if (!range) return picture.append(svg("text", { x: left, y: 40 }, "no finite value"));
    const end = Math.max(...lines.map((line) => xs(line).at(-1) ?? 0), byTime ? 1e-3 : 1);
    const toX = position(0, end, false), toY = position(range.low, range.high, log);
    x = (value) => left + toX(value) * (width - left - right);
    y = (value) => top + (1 - toY(value)) * (height - top - bottom);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("aria-label", `${spec.title}. ` + lines.map((line) =>
      `${line.name}: from ${short(line.values.mean.find(isNumber))} to ${short(line.values.mean.findLast(isNumber))}`).join("; "));
    picture.append(svg("clipPath", { id: clip }, svg("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom })));
    axes(range, end);
    const drawing = svg("g", { "clip-path": `url(#${clip})` });
    for (const line of lines) drawLine(drawing, line);
    picture.append(drawing);
    drawRollbacks();
    cursor = svg("line", { class: "cursor", y1: top, y2: height - bottom, visibility: "hidden" });
    picture.append(cursor);
    const outside = [[range.least, range.low], [range.greatest, range.high]]
      .filter(([value, edge]) => value !== null && Math.abs(value - edge) > 1e-9).map(([value]) => short(value));
    beyond.textContent = range.greatest === null ? "" : `Single values lie beyond the picture: ${outside.join(" and ")}.`;
  }

  function axes(range, end) {
    const ticks = log ? logTicks(range.low, range.high) : linearTicks(range.low, range.high, 6);
    for (const tick of ticks) {
      picture.append(svg("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
        svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
    }
    const [unit, name] = !byTime ? [1, ""] : end < 180 ? [1, " s"] : end < 10800 ? [60, " min"] : [3600, " h"];
    for (const tick of linearTicks(0, end / unit, width < 300 ? 3 : 5)) {
      const at = x(tick * unit);
      picture.append(svg("line", { class: "grid", x1: at, x2: at, y1: top, y2: height - bottom }),
        svg("text", { x: at, y: height - 7, "text-anchor": at > width - 34 ? "end" : "middle" }, count(tick) + name));
    }
  }

  function drawLine(drawing, line) {
    const xValues = xs(line);
    const usable = (value) => isNumber(value) && (!log || value > 0);
    const floor = (value) => (usable(value) ? y(value) : height - bottom);
    let path = "", pen = "M";
    const areas = [];
    let above = [], below = [];
    const closeArea = () => {
      if (above.length > 1) areas.push(`M${above.join("L")}L${below.reverse().join("L")}Z`);
      above = [], below = [];
    };
    line.values.mean.forEach((mean, i) => {
      if (!usable(mean)) { pen = "M"; closeArea(); return; }
      const at = x(xValues[i]).toFixed(1);
      path += `${pen}${at},${y(mean).toFixed(1)}`;
      pen = "L";
      above.push(`${at},${floor(line.greatest[i]).toFixed(1)}`);
      below.push(`${at},${floor(line.least[i]).toFixed(1)}`);
    });
    closeArea();
    if (line.values.least) drawing.append(svg("path", { d: areas.join(""), fill: line.colour, "fill-opacity": several ? 0.12 : 0.2 }));
    drawing.append(svg("path", { d: path, fill: "none", stroke: line.colour, "stroke-width": 1.7, "stroke-dasharray": line.dash,
      "stroke-linejoin": "round" }));
  }

  function drawRollbacks() {
    runs.forEach((run, index) => (run.curves?.rollbacks ?? []).forEach((rollback) => {
      const at = x(byTime ? timeOf(run, rollback.from) : rollback.from);
      const stroke = several ? colour(index) : null;
      picture.append(svg("g", {},
        svg("title", {}, `${run.name} diverged at iteration ${rollback.from}, went on from ${rollback.to}`),
        svg("line", { class: "rollback", x1: at, x2: at, y1: top, y2: height - bottom, style: stroke && `stroke:${stroke}` }),
        svg("path", { d: `M${at - 4},${top}h8l-4,6z`, style: `fill:${stroke ?? "var(--bad)"}` })));
    }));
  }

  // What stands at this place of the horizontal axis, in words.
  function point(value) {
    const rows = lines.map((line) => {
      const i = nearest(xs(line), value);
      const stretch = line.greatest[i] > line.least[i] ? ` (${short(line.least[i])} … ${short(line.greatest[i])})` : "";
      return html("div", {}, html("span", { class: "dot", style: `background:${line.colour}` }),
        `${lines.length > 1 ? line.name + " " : ""}${short(line.values.mean[i])}${stretch}`);
    });
    const i = nearest(xs(lines[0]), value);
    const at = x(xs(lines[0])[i]);
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.setAttribute("visibility", "visible");
    const curves = lines[0].run.curves;
    tip.replaceChildren(html("div", {}, `iteration ${count(curves.iterations[i])}, ${duration(curves.elapsed[i])}`), ...rows);
    tip.hidden = false;
    const inner = picture.getBoundingClientRect(), outer = node.getBoundingClientRect();
    const beside = inner.left - outer.left + at + (at > width / 2 ? -tip.offsetWidth - 12 : 12);
    tip.style.left = `${Math.max(4, Math.min(node.clientWidth - tip.offsetWidth - 4, beside))}px`;
    tip.style.top = `${inner.top - outer.top + top}px`;
  }
  const leave = () => { tip.hidden = true; cursor?.setAttribute("visibility", "hidden"); };
  let keyed = 0;  // the point that the arrow keys have reached
  picture.addEventListener("pointermove", (event) => {
    if (!x) return;
    const end = Math.max(...lines.map((line) => xs(line).at(-1) ?? 0));
    point((event.clientX - picture.getBoundingClientRect().left - left) / (width - left - right) * end);
  });
  picture.addEventListener("pointerleave", leave);
  picture.addEventListener("blur", leave);
  picture.addEventListener("keydown", (event) => {
    const values = xs(lines[0]);
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -20, PageUp: 20, Home: -values.length, End: values.length }[event.key];
    if (event.key === "Escape") leave();
    if (!x || !step) return;
    event.preventDefault();
    keyed = Math.max(0, Math.min(values.length - 1, keyed + step));
    point(values[keyed]);
  });
  redraws.push(draw);
  return node;
}

function nearest(sorted, value) {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low > 0 && value - sorted[low - 1] < sorted[low] - value ? low - 1 : low;
}

const timeOf = (run, iteration) => run.curves.elapsed[nearest(run.curves.iterations, iteration)];

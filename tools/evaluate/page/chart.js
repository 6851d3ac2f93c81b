
// One chart: lines of all runs on the same axes. A line is the mean of each stretch of iterations, the band around it
// reaches from its least to its greatest value.
const dashes = ["", "6 3", "2 3", "8 3 2 3"];
const height = 236, left = 54, right = 10, top = 24, bottom = 40;
const fewPoints = 12;  // so few are marked, a single one would not be seen otherwise

const nameOfLine = (run, label, alone) => (several ? (alone ? run.name : `${run.name}: ${label}`) : label);

function legend(lines) {
  return html("ul", { class: "legend" }, lines.map((line) => html("li", {},
    svg("svg", { "aria-hidden": "true" }, svg("line", { x1: 0, x2: 26, y1: 4, y2: 4, stroke: line.colour, "stroke-width": 2.4,
      "stroke-dasharray": line.dash })), line.name)));
}

// spec: title, about, unit (of the vertical axis), log, points (of scores: each is marked), bests (to name:
// [{ line, at, text }]). A line: run, column, name, iterations, elapsed, mean, least, greatest, whether it is banded, colour, dash.
function chart(spec, lines) {
  if (!lines.length) return null;
  const key = `${spec.points ? "score " : ""}${spec.title}`;  // of what the reader chose for it
  const canBeLog = lines.every(({ mean }) => mean.some((v) => v > 0) && mean.every((v) => !(v < 0)));
  let log = Boolean(chosen.logs[key] ?? spec.log) && canBeLog;
  const picture = svg("svg", { role: "img", tabindex: 0 });
  const clip = `clip-${redraws.length}`;
  const tip = html("div", { class: "tip", hidden: "", role: "status" });
  const beyond = html("p");
  const toggle = canBeLog ? toggleButton("log", log, (pressed) => {
    log = pressed;
    choose({ logs: { ...chosen.logs, [key]: log } });
    draw();
  }) : null;
  const saver = (name, what, type, ending, text) => html("button", { type: "button", "aria-label": `${spec.title} as ${what}`,
    onclick: () => download(node, `${title} ${spec.title}`, ending, type, text()) }, name);
  const node = html("div", { class: "card chart" },
    html("div", { class: "bar" }, html("h3", {}, spec.title), html("div", { class: "tools" }, toggle,
      saver("SVG", "a picture", "image/svg+xml", "svg", () => standaloneSvg(spec, lines, picture)),
      saver("CSV", "a table", "text/csv", "csv", () => csvOf(lines)))),
    spec.about ? html("p", {}, spec.about) : null, picture, tip,
    lines.length > 1 || several ? legend(lines) : null,
    (spec.bests ?? []).map(({ text }) => html("p", { class: "best" }, text)), beyond);
  const inner = { width: 0, right: 0, bottom: height - bottom };
  let x = null, y = null, cursor = null, selection = null;

  function draw() {
    inner.width = Math.max(240, picture.clientWidth);
    inner.right = inner.width - right;
    const [low, high] = axisRange();
    const toX = position(low, high, false);
    x = (value) => left + toX(value) * (inner.right - left);
    picture.setAttribute("viewBox", `0 0 ${inner.width} ${height}`);
    picture.setAttribute("aria-label", `${spec.title}, ${spec.unit}. ` + lines.map((line) =>
      `${line.name}: from ${short(line.mean.find(isNumber))} to ${short(line.mean.findLast(isNumber))}`).join("; "));
    picture.replaceChildren(svg("clipPath", { id: clip },
      svg("rect", { x: left, y: top, width: inner.right - left, height: inner.bottom - top })));
    drawXAxis(low, high);
    const range = visibleRange(lines.flatMap((line) => inView(line, low, high)), log);
    beyond.textContent = range ? beyondText(range) : "";
    y = null;
    if (range) drawLines(range);
    else picture.append(svg("text", { x: left + 8, y: 48 }, "no finite value here"));
    drawRollbacks(low, high);
    selection = svg("rect", { class: "selection", y: top, height: inner.bottom - top, visibility: "hidden" });
    cursor = svg("line", { class: "cursor", y1: top, y2: inner.bottom, visibility: "hidden" });
    picture.append(selection, cursor);
    tip.hidden = true;
  }

  // The values between two places of the axis, and those to which lines lead from there.
  function inView(line, low, high) {
    const at = along(line);
    return at.flatMap((value, i) => (isNumber(value) && (at[i + 1] ?? value) >= low && (at[i - 1] ?? value) <= high
      ? [line.least[i], line.greatest[i]] : []));
  }

  function beyondText(range) {
    const outside = [[range.least, range.low], [range.greatest, range.high]]
      .filter(([value, edge]) => value !== null && Math.abs(value - edge) > 1e-9).map(([value]) => short(value));
    return range.greatest === null ? "" : `Single values lie beyond the picture: ${outside.join(" and ")}.`;
  }

  function drawXAxis(low, high) {
    const [unit, name] = !chosen.byTime ? [1, ""] : high < 180 ? [1, "s"] : high < 10800 ? [60, "min"] : [3600, "h"];
    for (const tick of linearTicks(low / unit, high / unit, inner.width < 300 ? 3 : 5)) {
      const at = x(tick * unit), words = tick.toLocaleString("en-US", { maximumFractionDigits: 4 });
      picture.append(svg("line", { class: "grid", x1: at, x2: at, y1: top, y2: inner.bottom }),
        svg("text", { x: Math.min(at, inner.width - 3.3 * words.length), y: inner.bottom + 16, "text-anchor": "middle" }, words));
    }
    picture.append(svg("text", { class: "axis", x: (left + inner.right) / 2, y: height - 6, "text-anchor": "middle" },
      chosen.byTime ? `time in training, ${name}` : "iteration"));
  }

  function drawLines(range) {
    const toY = position(range.low, range.high, log);
    y = (value) => top + (1 - toY(value)) * (inner.bottom - top);
    for (const tick of log ? logTicks(range.low, range.high) : linearTicks(range.low, range.high, 6)) {
      picture.append(svg("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: inner.right, y1: y(tick), y2: y(tick) }),
        svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)));
    }
    picture.append(svg("text", { class: "axis", x: 4, y: 12 }, spec.unit.slice(0, 60)));
    const drawing = svg("g", { "clip-path": `url(#${clip})` });
    picture.append(drawing);
    for (const line of lines) drawLine(drawing, line);
    drawBests();
  }

  // The values that have a place in the picture, in pieces without a gap: [[i, i, …], …].
  const usable = (line, values, i) => isNumber(along(line)[i]) && isNumber(values[i]) && (!log || values[i] > 0);
  function pieces(line, values) {
    const all = [[]];
    values.forEach((_, i) => { if (usable(line, values, i)) all.at(-1).push(i); else if (all.at(-1).length) all.push([]); });
    return all.filter((piece) => piece.length);
  }
  const spot = (line, value, i) => `${x(along(line)[i]).toFixed(1)},${value.toFixed(1)}`;
  const pathOf = (line, values) =>
    pieces(line, values).map((piece) => `M${piece.map((i) => spot(line, y(values[i]), i)).join("L")}`).join("");
  const bandOf = (line) => pieces(line, line.mean).filter((piece) => piece.length > 1).map((piece) => {
    const edge = (values) => piece.map((i) => spot(line, usable(line, values, i) ? y(values[i]) : inner.bottom, i));
    return `M${edge(line.greatest).join("L")}L${edge(line.least).reverse().join("L")}Z`;
  }).join("");

  function drawLine(drawing, line) {
    const stroked = (name, values, width) => svg("path", { class: name, d: pathOf(line, values), fill: "none", stroke: line.colour,
      "stroke-width": width, "stroke-dasharray": line.dash, "stroke-linejoin": "round" });
    if (line.banded)
      drawing.append(svg("path", { class: "band", d: bandOf(line), fill: line.colour, "fill-opacity": several ? 0.12 : 0.2 }));
    if (chosen.smoothing) drawing.append(stroked("raw", line.mean, 1));
    drawing.append(stroked("line", chosen.smoothing ? smoothed(line.mean, chosen.smoothing) : line.mean, 1.7));
    if (spec.points || line.mean.length <= fewPoints)
      picture.append(...pieces(line, line.mean).flat().filter((i) => inside(line, i)).map((i) =>
        svg("circle", { cx: x(along(line)[i]), cy: y(line.mean[i]), r: 2.8, fill: line.colour })));
  }

  // Whether a point lies in the picture: marks are not cut at its edges as lines are.
  const inside = (line, i) => [x(along(line)[i]) - left, inner.right - x(along(line)[i]), y(line.mean[i]) - top,
    inner.bottom - y(line.mean[i])].every((room) => room >= -0.5);

  function drawBests() {
    for (const { line, at, text } of spec.bests ?? []) {
      if (!usable(line, line.mean, at) || !inside(line, at)) continue;
      const place = along(line)[at];
      picture.append(svg("circle", { class: "ring", cx: x(place), cy: y(line.mean[at]), r: 6.5, fill: "none", stroke: line.colour,
        "stroke-width": 2 }, svg("title", {}, text)));
      picture.append(svg("text", { class: "mark", x: Math.min(x(place), inner.right - 12), "text-anchor": "middle",
        y: Math.max(top + 10, y(line.mean[at]) - 12) }, "best"));
    }
  }

  function drawRollbacks(low, high) {
    runs.forEach((run, index) => (run.curves?.rollbacks ?? []).forEach((rollback) => {
      const place = chosen.byTime ? timeOf(run, rollback.from) : rollback.from;
      if (!isNumber(place) || place < low || place > high) return;
      const at = x(place), stroke = several ? colour(index) : null;
      picture.append(svg("g", {},
        svg("title", {}, `${run.name} diverged at iteration ${rollback.from}, went on from ${rollback.to}`),
        svg("line", { class: "rollback", x1: at, x2: at, y1: top, y2: inner.bottom, style: stroke && `stroke:${stroke}` }),
        svg("path", { d: `M${at - 4},${top}h8l-4,6z`, style: `fill:${stroke ?? "var(--bad)"}` })));
    }));
  }

  // What stands at this place of the axis, in words; lines that have ended before it or begin after it are left out.
  const leave = () => { tip.hidden = true; cursor?.setAttribute("visibility", "hidden"); };
  function point(value) {
    const [low, high] = axisRange(), slack = (high - low) / 50;
    const found = lines.map((line) => ({ line, i: nearest(along(line), value) }))
      .map((one) => ({ ...one, off: Math.abs(along(one.line)[one.i] - value) }))
      .filter(({ line, i, off }) => isNumber(along(line)[i]) && (off <= slack || (i > 0 && i < line.mean.length - 1)));
    if (!found.length || !y) return leave();
    const { line: lead, i: leading } = found.reduce((a, b) => (b.off < a.off ? b : a));
    const at = x(along(lead)[leading]);
    if (at < left - 1 || at > inner.right + 1) return leave();
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, at);
    cursor.setAttribute("visibility", "visible");
    const time = isNumber(lead.elapsed[leading]) ? `, ${duration(lead.elapsed[leading])}` : "";
    tip.replaceChildren(html("div", {}, `iteration ${count(lead.iterations[leading])}${time}`),
      ...found.map(({ line, i }) => html("div", {}, html("span", { class: "dot", style: `background:${line.colour}` }), words(line, i))));
    showTip(at);
  }

  function words(line, i) {
    const stretch = line.greatest[i] > line.least[i] ? ` (${short(line.least[i])} … ${short(line.greatest[i])})` : "";
    const smooth = chosen.smoothing ? `, smoothed ${short(smoothed(line.mean, chosen.smoothing)[i])}` : "";
    return `${lines.length > 1 ? line.name + " " : ""}${short(line.mean[i])}${stretch}${smooth}`;
  }

  function showTip(at) {
    tip.hidden = false;
    const own = picture.getBoundingClientRect(), outer = node.getBoundingClientRect();
    const beside = own.left - outer.left + at + (at > inner.width / 2 ? -tip.offsetWidth - 12 : 12);
    tip.style.left = `${Math.max(4, Math.min(node.clientWidth - tip.offsetWidth - 4, beside))}px`;
    tip.style.top = `${own.top - outer.top + top}px`;
  }

  // The pointer: it reads values, and zooms to what it is drawn over.
  const pixel = (event) => Math.max(left, Math.min(inner.right, event.clientX - picture.getBoundingClientRect().left));
  const valueAt = (at) => {
    const [low, high] = axisRange();
    return low + (at - left) / (inner.right - left) * (high - low);
  };
  picture.addEventListener("pointermove", (event) => point(valueAt(pixel(event))));
  picture.addEventListener("pointerleave", leave);
  picture.addEventListener("dblclick", () => showCharts({ zoom: null }));
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const from = pixel(event), over = new AbortController();
    const move = (now) => {
      selection.setAttribute("x", Math.min(from, pixel(now)));
      selection.setAttribute("width", Math.abs(pixel(now) - from));
      selection.setAttribute("visibility", "visible");
    };
    const end = (now) => {
      over.abort();
      selection.setAttribute("visibility", "hidden");
      const ends = [from, pixel(now)].sort((a, b) => a - b).map(valueAt);
      // a few pixels are a hand that is not still; a finger that scrolls the page ends with pointercancel
      if (now.type === "pointerup" && Math.abs(pixel(now) - from) > 8) zoomTo(...ends);
    };
    for (const [type, act] of [["pointermove", move], ["pointerup", end], ["pointercancel", end]])
      addEventListener(type, act, { signal: over.signal });
  });

  // The keys: they walk along the line that reaches furthest, and zoom about the place that they have reached.
  let walked = null;  // index of that place
  const longest = () => lines.reduce((a, b) => ((along(b).at(-1) ?? 0) > (along(a).at(-1) ?? 0) ? b : a));
  function walk(step) {
    const values = along(longest());
    const [low, high] = axisRange();
    const next = walked === null ? nearest(values, step > 0 ? low : high) : walked + step;
    walked = Math.max(0, Math.min(values.length - 1, next));
    const value = values[walked];
    if (value < low || value > high) zoomTo(value - (high - low) / 2, value + (high - low) / 2);
    point(value);
  }
  picture.addEventListener("blur", leave);
  picture.addEventListener("keydown", (event) => {
    const length = longest().mean.length;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -20, PageUp: 20, Home: -length, End: length }[event.key];
    const factor = { "+": 2, "=": 2, "-": 0.5, "_": 0.5 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") leave();
    if (event.key === "0") showCharts({ zoom: null });
    const [low, high] = axisRange(), there = walked === null ? null : along(longest())[walked];
    const seen = there !== null && there >= low && there <= high;
    if (factor) zoomBy(factor, seen ? there : (low + high) / 2);
    if (factor && seen) point(there);
    if (step) walk(step);
    if (step || factor || event.key === "0") event.preventDefault();
  });
  redraws.push(draw);
  return node;
}


// Which columns of metrics.csv are drawn together, and what to look for: the methods say it (train/shown.h).
const specs = data.charts;

function curvesSection() {
  const measured = runs.filter((run) => run.curves?.iterations.length);
  if (!measured.length) return;
  const grouped = new Set(specs.flatMap((spec) => spec.lines.map(([column]) => column)));
  const others = [...new Set(measured.flatMap((run) => Object.keys(run.curves.columns)))].filter((column) => !grouped.has(column));
  for (const column of others) specs.push({ title: column, lines: [[column, column]] });
  const axis = html("button", { type: "button", "aria-pressed": "false", onclick: () => {
    byTime = !byTime;
    axis.setAttribute("aria-pressed", String(byTime));
    redraws.forEach((draw) => draw());
  } }, "against time");
  const marked = measured.some((run) => run.curves.rollbacks.length);
  section("curves", "Curves",
    html("div", { class: "bar" }, axis, html("span", { class: "muted" },
      "Lines are means over stretches of iterations, bands reach from the least to the greatest value. Point at a chart, or " +
      "focus it and use the arrow keys." + (marked ? " Dashed uprights: the run diverged here and went back." : ""))),
    html("div", { class: "charts" }, specs.map(chart).filter(Boolean)));
  let pending = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => redraws.forEach((draw) => draw()));
  }).observe(document.getElementById("curves"));
}
curvesSection();


// Which columns of metrics.csv are drawn together, and what to look for: the methods say it (train/shown.h).
const specs = data.charts;

// What the vertical axis counts where the column's name tells it.
const units = [[/^u_/, "U"], [/^f_/, "f"], [/^energy_gap$/, "difference of mean f"],
  [/^(reconstruction|own_error)$/, "squared distance an image"], [/^(kl|pair)$/, "nats"],
  [/^(drift|noise)$/, "norm over an image"], [/^grad_(?!x$|z$)/, "norm"], [/_lr$/, "learning rate"], [/^seconds_/, "seconds"], [/^z_.*_max$/, "|z|"], [/^z_/, "z"]];
function unitOf(spec) {
  const [column, label] = spec.lines[0];
  return spec.unit || units.find(([pattern]) => pattern.test(column))?.[1] || (spec.lines.length === 1 ? label : spec.title);
}

function curveLines(spec) {
  return runs.flatMap((run, index) => spec.lines.flatMap(([column, label], order) => {
    const values = run.curves?.columns[column];
    if (!values?.mean.length) return [];
    return [{ run, column, name: nameOfLine(run, label, spec.lines.length === 1), iterations: run.curves.iterations,
      elapsed: run.curves.elapsed, mean: values.mean, least: values.least ?? values.mean, greatest: values.greatest ?? values.mean,
      banded: Boolean(values.least), colour: colour(several ? index : order), dash: dashes[order % 4] }];
  }));
}

function curvesSection() {
  const measured = runs.filter((run) => run.curves?.iterations.length);
  if (!measured.length) return;
  const grouped = new Set(specs.flatMap((spec) => spec.lines.map(([column]) => column)));
  const others = [...new Set(measured.flatMap((run) => Object.keys(run.curves.columns)))].filter((column) => !grouped.has(column));
  const all = [...specs, ...others.map((column) => ({ title: column, lines: [[column, column]] }))];
  const marked = measured.some((run) => run.curves.rollbacks.length);
  section("curves", "Curves",
    html("p", { class: "muted" },
      "Lines are means over stretches of iterations, bands reach from the least to the greatest value. Point at a chart to read " +
      "it, drag over a part to zoom all charts, double-click to go back. Keys at a chart that has the focus: arrows read, " +
      "+ and − zoom, 0 goes back." + (marked ? " Dashed uprights: the run diverged here and went back." : "")),
    chartControls(),
    html("div", { class: "charts" }, all.map((spec) => chart({ ...spec, unit: unitOf(spec) }, curveLines(spec))).filter(Boolean)));
}

// Charts are drawn once they are all in the page, and again when their width changes.
function drawCharts() {
  let drawn = 0, pending = 0;
  const draw = () => {
    const width = document.getElementById("main").clientWidth;
    if (width !== drawn) redraws.forEach((redraw) => redraw());
    drawn = width;
  };
  draw();
  new ResizeObserver(() => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(draw);
  }).observe(document.getElementById("main"));
}


// What all charts share: the horizontal axis, the part of it that is shown, smoothing. Their controls stand above each
// group of charts and act on all of them.
const redraws = [];
function showCharts(change) {
  choose(change);
  redraws.forEach((draw) => draw());
}

const nearest = (sorted, value) => {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1; else high = middle;
  }
  return low > 0 && value - sorted[low - 1] < sorted[low] - value ? low - 1 : low;
};
// Seconds of training at an iteration; null where no metrics tell it.
const timeOf = (run, iteration) => run.curves?.elapsed[nearest(run.curves.iterations, iteration)] ?? null;
const along = (line) => (chosen.byTime ? line.elapsed : line.iterations);

// Where the axis ends: one place for all charts, so that they compare and zoom together.
function axisEnd() {
  const ends = runs.flatMap((run) => (chosen.byTime ? [run.curves?.elapsed.at(-1)]
    : [run.curves?.iterations.at(-1), run.scores?.iterations.at(-1)]));
  return Math.max(chosen.byTime ? 1e-3 : 1, ...ends.filter(isNumber));
}
function axisRange() {
  const end = axisEnd();
  const [low, high] = chosen.zoom ?? [0, end];
  return low < Math.min(high, end) ? [low, Math.min(high, end)] : [0, end];
}
// Shows from one value of the axis to another, or as much of it elsewhere where the axis ends before.
function zoomTo(low, high) {
  const end = axisEnd(), size = Math.max(end / 2000, Math.min(end, high - low));
  low = Math.max(0, Math.min(end - size, low));
  showCharts({ zoom: size >= end ? null : [low, low + size] });
}
function zoomBy(factor, middle) {
  const [low, high] = axisRange();
  zoomTo(middle - (middle - low) / factor, middle + (high - middle) / factor);
}

// The exponential moving average, without the pull that its start has towards 0.
function smoothed(values, decay) {
  let sum = 0, weight = 0;
  return values.map((value) => {
    if (!isNumber(value)) return null;
    sum = decay * sum + (1 - decay) * value;
    weight = decay * weight + 1 - decay;
    return sum / weight;
  });
}

function chartControls() {
  const time = html("button", { type: "button", onclick: () => showCharts({ byTime: !chosen.byTime, zoom: null }) }, "against time");
  const slider = html("input", { type: "range", min: 0, max: 0.99, step: 0.01, class: "smoothing",
    oninput: () => showCharts({ smoothing: Number(slider.value) }) });
  const amount = html("output");
  const whole = html("button", { type: "button", class: "whole", onclick: () => showCharts({ zoom: null }) }, "reset zoom");
  const update = () => {
    time.setAttribute("aria-pressed", String(chosen.byTime));
    slider.value = chosen.smoothing;
    amount.textContent = chosen.smoothing ? chosen.smoothing.toFixed(2) : "off";
    slider.setAttribute("aria-valuetext", amount.textContent);
    whole.disabled = !chosen.zoom;
  };
  redraws.push(update);
  update();
  return html("div", { class: "bar controls" }, time, whole, html("label", {}, "smoothing", slider, amount));
}

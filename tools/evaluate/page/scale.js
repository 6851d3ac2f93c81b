
// Axes: where values lie in the picture, and round numbers to write beside them.
function linearTicks(low, high, wanted) {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; ++i) ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  const decades = Math.log10(high / low);
  const factors = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power)
    for (const factor of factors) {
      const tick = factor * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(Number(tick.toPrecision(6)));
    }
  return ticks;
}

// The range that a chart shows: all values, unless a few at its ends would squeeze the rest into less than half of it.
function visibleRange(values, log) {
  const sorted = values.filter((v) => isNumber(v) && (!log || v > 0)).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const length = (a, b) => (log ? Math.log(b / a) : b - a);
  let [low, high] = [sorted[0], sorted.at(-1)];
  const cut = length(low, high) > 2.5 * length(at(0.01), at(0.99)) && length(at(0.01), at(0.99)) > 0;
  if (cut) [low, high] = [at(0.01), at(0.99)];
  if (!(high > low)) [low, high] = log ? [low / 2, low * 2] : [low - (Math.abs(low) || 1) / 2, low + (Math.abs(low) || 1) / 2];
  else if (log) [low, high] = [low / (high / low) ** 0.05, high * (high / low) ** 0.05];
  else {
    const margin = 0.05 * (high - low);
    // a quantity that is never negative is not given room below zero
    [low, high] = [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
  }
  return { low, high, greatest: cut ? sorted.at(-1) : null, least: cut ? sorted[0] : null };
}

const position = (low, high, log) => (log
  ? (value) => Math.log(value / low) / Math.log(high / low)
  : (value) => (value - low) / (high - low));

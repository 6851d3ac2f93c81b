
// Scores: what `ebm evaluate` has measured, then what was measured while training.
const axisOfScore = { FD: "Fréchet distance, low = good", FID: "Fréchet distance, low = good", sure: "share of samples" };
const aboutScore = {
  FD: "between features of revised samples and of training images",
  FID: "between features of revised samples and of training images",
  sure: "samples that the classifier is 90 % sure of",
};
const kindOfScore = (column) => column.replace(/-cls$/, "");  // without the network that judges

function scoreLines(column) {
  return runs.flatMap((run, index) => {
    const mean = run.scores?.columns[column];
    if (!mean?.length) return [];
    const { iterations } = run.scores;
    return [{ run, column, name: nameOfLine(run, column, true), iterations, elapsed: iterations.map((i) => timeOf(run, i)), mean,
      least: mean, greatest: mean, banded: false, colour: colour(several ? index : 0), dash: "" }];
  });
}

function bestsOf(lines) {
  return lines.map((line) => ({ line, at: line.iterations.indexOf(line.run.scores.best) }))
    .filter(({ line, at }) => at >= 0 && line.column === choosing(line.run))
    .map(({ line, at }) => ({ line, at, text: `${several ? `${line.run.name}: ` : ""}best: ${short(line.mean[at])} at iteration ` +
      `${count(line.iterations[at])}, kept as best.safetensors` }));
}

function scoreChart(column) {
  const lines = scoreLines(column);
  const kind = kindOfScore(column);
  return chart({ title: column, about: aboutScore[kind], unit: axisOfScore[kind] ?? column, points: true, bests: bestsOf(lines) }, lines);
}

// How it was measured, once where it was the same for all runs.
function howScored(scored) {
  const said = new Map();
  for (const run of scored) {
    const { says, n, steps, features } = run.scores;
    const text = says || [isNumber(n) ? `${count(n)} samples` : "samples", isNumber(steps) ? `after ${count(steps)} Langevin steps` : "",
      features ? `by the features of ${features}` : ""].filter(Boolean).join(" ");
    said.set(text, [...(said.get(text) ?? []), run.name]);
  }
  return [...said].map(([text, names]) =>
    html("p", { class: "muted" }, `While training${said.size > 1 ? `, ${names.join(", ")}` : ""}: each point is of ${text.replace(/\.$/, "")}.`));
}

function scoresSection() {
  const tables = resultTables(true);
  const scored = runs.filter((run) => run.scores?.iterations.length);
  if (!tables.length && !scored.length) return;
  const columns = [...new Set(scored.flatMap((run) => Object.keys(run.scores.columns)))];
  section("scores", "Scores",
    tables.length ? html("div", { class: "results" }, tables) : null,
    scored.length ? html("div", { class: "while-training" }, howScored(scored), chartControls(),
      html("div", { class: "charts" }, columns.map(scoreChart).filter(Boolean))) : null);
}

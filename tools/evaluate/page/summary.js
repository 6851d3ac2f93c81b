
// What each run is and how it ended.
function lastMean(run, column) {
  const values = run.curves?.columns[column]?.mean.filter(isNumber);
  return values?.length ? values.at(-1) : null;
}

const isDistance = (name) => /^(FD|FID)\b/.test(name);  // of features: the score that a run is judged by

// The score that chooses the best checkpoint while training: the first that is measured.
const choosing = (run) => Object.keys(run.scores?.columns ?? {})[0];
// Its best: { name, value, iteration }, or null.
function bestScore(run) {
  const name = choosing(run);
  const at = run.scores?.iterations.indexOf(run.scores.best) ?? -1;
  return name !== undefined && at >= 0 ? { name, value: run.scores.columns[name][at], iteration: run.scores.best } : null;
}

function summary(run, index) {
  const setting = (key) => run.settings.find((entry) => entry.key === key)?.value;
  const curves = run.curves;
  const figures = [];
  const figure = (name, value) => figures.push(html("div", {}, html("dt", {}, name), html("dd", {}, value)));
  const planned = Number(setting("iterations"));
  const scored = evaluated(run).find((row) => isDistance(row.name) && row.images === "revised"), best = bestScore(run);
  if (scored) figure(`${scored.name} of revised samples`, short(scored.value));
  if (best) figure(`best ${best.name} in training`, `${short(best.value)} at ${count(best.iteration)}`);
  if (curves) {
    figure("iterations", planned && planned !== curves.done ? `${count(curves.done)} of ${count(planned)}` : count(curves.done));
    if (curves.seconds) {
      figure("time in training", duration(curves.seconds));
      figure("iterations a second", short((curves.done + curves.undone) / curves.seconds));
    }
    figure("rollbacks", String(curves.rollbacks.length));
    figure("energy gap", short(lastMean(run, "energy_gap")));
    figure("reconstruction", short(lastMean(run, "reconstruction")));
    figure("KL", short(lastMean(run, "kl")));
  }
  const what = [setting("recipe"), setting("method"), setting("profile") && `profile ${setting("profile")}`, run.device || "device not recorded", run.version && `ebm.cu ${run.version}`];
  const rollbacks = (curves?.rollbacks ?? []).map((r) =>
    html("li", {}, `diverged at iteration ${count(r.from)}, went on from ${count(r.to)}`));
  return html("article", { class: "card run" },
    several ? html("h3", {}, runLabel(index)) : null,
    html("p", { class: "muted" }, what.filter(Boolean).join(" · ")),
    html("dl", { class: "figures" }, figures),
    rollbacks.length || run.changes.length || run.notes.length
      ? html("ul", { class: "notes" }, rollbacks, [...run.changes, ...run.notes].map((line) => html("li", {}, line))) : null);
}

const title = several ? runs.map((run) => run.name).join(" · ") : runs[0].name;
function summarySection() {
  document.getElementById("title").textContent = title;
  document.title = `${title} – ebm report`;
  document.getElementById("main").append(html("div", { class: "runs" }, runs.map(summary)));
}


// Which columns of metrics.csv are drawn together, and what to look for.
const specs = [
  { title: "Energy gap", lines: [["energy_gap", "gap"]],
    about: "mean f(data) − mean f(revised samples): near 0 while the networks keep up with each other" },
  { title: "f on data and samples", lines: [["f_data", "data"], ["f_samples", "revised samples"]],
    about: "high = plausible; both with the image noise of the energy's loss" },
  { title: "Reconstruction", lines: [["reconstruction", "‖x̃ − g(z̃)‖²"]], about: "mean ‖x̃ − g(z̃)‖² of revised samples" },
  { title: "KL", lines: [["kl", "KL"]], about: "mean KL( π(z|x̃) ‖ N(0, I) ), in nats" },
  { title: "Gradient of the energy", lines: [["grad_x", "‖∂U/∂x‖"]], about: "‖∂U/∂x‖ at the last Langevin step, root mean square" },
  { title: "Drift against noise", lines: [["drift", "drift (δ²/2)·‖∂U/∂x‖"], ["noise", "noise δ·√D"]],
    about: "size of the two parts of a Langevin step" },
  { title: "Revision", lines: [["revision", "‖x̃ − x̂‖"]], about: "‖x̃ − x̂‖: how far Langevin moves an image from where its chain began" },
  { title: "Gradient norms", lines: [["grad_energy", "energy"], ["grad_vae", "generator and encoder"]], log: true,
    about: "of the parameters, before clipping" },
  { title: "Learning rates", lines: [["energy_lr", "energy"], ["vae_lr", "generator and encoder"]], log: true },
  { title: "Seconds per phase", lines: [["seconds_langevin", "Langevin"], ["seconds_vae", "generator and encoder"],
    ["seconds_energy", "energy"], ["seconds_ancestral", "ancestral"]], log: true, about: "of one iteration" },
  { title: "U on data and samples", lines: [["u_data", "data"], ["u_samples", "revised samples"]], about: "low = plausible" },
  { title: "Energy loss", lines: [["energy_loss", "loss"]], about: "mean f(x̃) − mean f(x) with its penalty" },
];

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

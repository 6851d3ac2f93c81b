
// Sample grids over the iterations: one slider for all runs.
function samplesSection() {
  const shown = runs.map((run, index) => ({ run, index })).filter(({ run }) => run.samples.length);
  if (!shown.length) return;
  const iterations = [...new Set(shown.flatMap(({ run }) => run.samples.map((s) => s.iteration)))].sort((a, b) => a - b);
  const figures = shown.map(({ run, index }) => {
    const image = html("img", { width: 936, height: 466 });
    const caption = html("figcaption");
    return { run, index, image, caption, node: html("figure", { class: "card" }, image, caption) };
  });
  const output = html("output", { for: "iteration" });
  const last = iterations.length - 1;
  const show = () => {
    const iteration = iterations[slider.value];
    output.textContent = `iteration ${count(iteration)}`;
    slider.setAttribute("aria-valuetext", output.textContent);
    for (const { run, index, image, caption } of figures) {
      const sample = run.samples.findLast((s) => s.iteration <= iteration) ?? run.samples[0];
      image.src = sample.image;
      image.alt = `Samples of ${run.name} at iteration ${sample.iteration}: on the left what its chains begin at, ` +
        "on the right the same after Langevin revision, 8 by 8 images each";
      caption.replaceChildren(runLabel(index),
        ` at iteration ${count(sample.iteration)}: left ${run.start}, right revised, 8 × 8 images each, in the same places`);
    }
  };
  // at its end it stays at the end, wherever that is after a reload
  const moved = () => { show(); choose({ sample: Number(slider.value) === last ? null : iterations[slider.value] }); };
  const kept = chosen.sample === null ? last : Math.max(0, iterations.findLastIndex((i) => i <= chosen.sample));
  const slider = html("input", { type: "range", id: "iteration", min: 0, max: last, step: 1, value: kept,
    "aria-label": "Iteration of the samples", oninput: moved });
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; delete play.dataset.busy; moved(); };
  const play = html("button", { type: "button", onclick: () => {
    if (timer) return stop();
    if (Number(slider.value) === last) slider.value = 0;
    play.textContent = "Stop";
    play.dataset.busy = "";
    show();
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === last) stop();
    }, 400);
  } }, "Play");
  // the picture's own size, once known, keeps the page from jumping
  for (const { image } of figures)
    image.addEventListener("load", () => { image.width = image.naturalWidth; image.height = image.naturalHeight; });
  section("samples", "Samples",
    html("div", { class: "bar" }, play, slider, output),
    html("div", { class: "samples" }, figures.map((figure) => figure.node)));
  show();
}

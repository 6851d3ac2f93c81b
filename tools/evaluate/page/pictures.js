
// Other pictures of the runs' folders, each with what its rows and columns are: the commands that draw them give them
// these names.
const captions = {
  "trace.animated": (run) => `Chains of their own in a square, all after the same Langevin step, one step after the other: from ${run.start} ` +
    "to the last step, again and again.",
  trace: (run) => `A row for each chain, a column for each shown Langevin step t: from ${run.start} on the left to the last step on ` +
    "the right; U under each image.",
  interpolate: () => "A row for each pair of latent vectors, from one on the left to the other on the right in equal steps. Left half: " +
    "g(z); right half: the same rows after Langevin revision.",
  reconstruct: () => "Rows, again and again: test images x, below them g(μ(x)) and, where chains run on images, the same after Langevin " +
    "revision; a column for each image.",
  neighbours: () => "A row for each revised sample: on the left the sample, right of it the training images that lie nearest, the nearest first.",
  mean: (run) => `Columns: test images, ${run.start}, revised samples. Above the mean of each pixel, below its standard deviation, ` +
    "0 black and 1 white.",
  samples: () => "What ebm sample was asked for last: samples of the model, by --class those that a classifier takes for that class, by " +
    "--generator-only those without Langevin steps; rows and columns mean nothing. By --from two grids: on the left the images that chains began at, on the right, in the same " +
    "places, what they became.",
  ood: () => "Histograms of U, low on the left: a row for each set of images, above the model's own kind, below it the outliers, each " +
    "scaled to its own highest bar. Grey marks: where the uppermost row's bars end.",
  chains: (run) => `A row for each chain, a column for each shown length of it: from ${run.start} on the left to its last step on the right.`,
  latent: () => "The plane of z, its numbers along the two axes: light where exp(−U/2) is high; red are the chains, on the left where they " +
    "begin, on the right where they end.",
};

// Of a default name, also with a number or something after a sign: trace.png, trace2.png, trace-long.png.
function captionOf(run, file) {
  const stem = file.replace(/\.png$/i, "").toLowerCase();
  const name = Object.keys(captions).find((known) => stem.startsWith(known) && !/^\p{L}/u.test(stem.slice(known.length)));
  return name ? captions[name](run) : "";
}

function picturesSection() {
  const figures = runs.flatMap((run, index) => run.pictures.map((picture) => {
    const caption = captionOf(run, picture.name);
    return html("figure", { class: "card" },
      html("img", { src: picture.image, alt: `${picture.name} of ${run.name}${caption ? `: ${caption}` : ""}` }),
      html("figcaption", {}, several ? [runLabel(index), ": "] : null, html("b", {}, picture.name), caption ? ` ${caption}` : null));
  }));
  if (figures.length) section("pictures", "Pictures", html("div", { class: "pictures" }, figures));
}

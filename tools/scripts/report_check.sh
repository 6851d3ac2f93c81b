#!/usr/bin/env bash
# Opens a report in Debian's chromium (package chromium, headless): fails when its script fails, when a part of the
# page is missing, when a control does not do what it says, when a reload forgets what the reader chose or when
# something sticks out of a phone's width; leaves screenshots to look at.
#
#   tools/scripts/report_check.sh report.html [FOLDER]     screenshots go to FOLDER [out/report]
set -euo pipefail

[[ $# -ge 1 && -f "$1" ]] || { echo "usage: tools/scripts/report_check.sh report.html [FOLDER]" >&2; exit 1; }
command -v chromium >/dev/null || { echo "report_check: needs the package chromium" >&2; exit 1; }
page=$(realpath "$1")
folder=$(mkdir -p "${2:-out/report}" && realpath "${2:-out/report}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

browser() {
  chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
    --allow-file-access-from-files --virtual-time-budget=8000 "$@" 2>"$work/log"
}

# The page with a last script that uses it as a reader would and leaves what it found in the title.
check() {
  cp "$page" "$work/checked.html"
  cat >>"$work/checked.html" <<'SCRIPT'
<script type="module">
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const faults = [];
const expect = (truth, what) => { if (!truth) faults.push(what); };
await wait(300);
const data = JSON.parse(document.getElementById("data").textContent);
const page = document.documentElement;
const all = (selector) => [...document.querySelectorAll(selector)];
const pictures = all(".chart > svg");
const press = (picture, key) => picture.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const paths = (name) => pictures.map((picture) => [...picture.querySelectorAll(`path.${name}`)].map((path) => path.getAttribute("d")).join());
const same = (a, b) => a.join("|") === b.join("|");
const slide = (slider, value) => { slider.value = value; slider.dispatchEvent(new Event("input")); };
const files = [];
document.addEventListener("download", (event) => { files.push(event.detail); event.preventDefault(); });

function checkParts() {
  expect(all(".run").length === data.runs.length, "a card for each run");
  expect(page.scrollWidth <= page.clientWidth, `width ${page.scrollWidth} in ${page.clientWidth}`);
  for (const image of document.images) expect(image.alt.length > 10 && image.naturalWidth > 0, "pictures that show, with words");
  const order = ["scores", "samples", "curves", "results", "pictures", "settings"];
  const ids = all("main > section").map((part) => part.id);
  expect(ids.join() === order.filter((id) => ids.includes(id)).join(), `the order of the parts: ${ids}`);
  expect(all("nav a").map((link) => link.hash.slice(1)).join() === ids.join(), "the contents");
  for (const caption of all("#samples figcaption")) expect(caption.textContent.includes("8 × 8"), "what a grid of samples is");
  const evaluations = data.runs.some((run) => run.results.some(({ content }) => content?.Scores?.[0]?.images));
  expect(evaluations === Boolean(document.querySelector("#scores table")), "the scores of ebm evaluate in front");
  const bests = data.runs.filter((run) => run.scores?.iterations.includes(run.scores.best));
  expect(all(".best").filter((best) => best.textContent.includes("kept as best.safetensors")).length === bests.length, "the best score, named");
  expect(all(".chart .ring").length === bests.length, "the best score, marked");
}

function checkResults() {
  const named = (run) => run.name;
  const cards = all("#results .card, #scores .card, #scores details");
  for (const file of new Set(data.runs.flatMap((run) => run.results.map((result) => result.file)))) {
    const owners = data.runs.filter((run) => run.results.some((result) => result.file === file));
    const own = cards.filter((card) => card.querySelector("caption, h3, summary")?.textContent.includes(file));
    expect(own.length > 0, `the results of ${file}`);
    if (owners.length < data.runs.length)
      for (const card of own) expect(owners.map(named).every((name) => card.textContent.includes(name)), `whose results ${file} has`);
  }
  for (const figure of all("#pictures figcaption"))
    if (figure.textContent.includes("trace.animated.png")) expect(!figure.textContent.includes("U under"), "the caption of moving chains");
  for (const run of data.runs)
    for (const { content } of run.results)
      for (const sentence of content?.Verdict ?? [])
        expect(all("#results li").some((item) => item.textContent === sentence), "the verdicts, as sentences");
}

function checkPhone() {
  if (page.clientWidth > 500) return;
  for (const button of all("button")) {
    const { width, height } = button.getBoundingClientRect();
    expect(height >= 40 && width >= 40, `a button to touch: ${button.textContent}`);
  }
  for (const box of all(".results .scroll, .settings"))
    expect(box.scrollWidth <= box.clientWidth, `a table that fits: ${box.textContent.slice(0, 40)}`);
}

function checkTheme() {
  const before = page.dataset.theme;
  document.getElementById("theme").click();
  expect(page.dataset.theme !== before, "a change of colours");
}

function checkSamples() {
  if (!data.runs.some((run) => run.samples.length > 1)) return;
  const shown = () => all("#samples img").map((image) => image.src).join();
  const last = shown();
  slide(document.getElementById("iteration"), 0);
  expect(shown() !== last, "another grid at the slider's start");
}

function checkChart(picture) {
  expect(picture.querySelectorAll("path").length > 0, "a line in each chart");
  expect(!/NaN|Infinity/.test(picture.innerHTML), "numbers in each chart");
  expect(picture.getAttribute("aria-label").length > 10, "words for each chart");
  const titles = [...picture.querySelectorAll(".axis")].map((text) => text.textContent);
  expect(titles.length === 2 && titles.includes("iteration") && titles.every(Boolean), `titles of both axes: ${titles}`);
  picture.focus();
  press(picture, "ArrowRight");
  expect(!picture.parentNode.querySelector(".tip").hidden, "values at the arrow keys");
  press(picture, "Escape");
}

function checkFiles(picture) {
  const buttons = [...picture.parentNode.querySelectorAll(".tools button")];
  files.length = 0;
  for (const name of ["SVG", "CSV"]) buttons.find((button) => button.textContent === name)?.click();
  const [drawn, table] = files.map((file) => file.text);
  expect(files.length === 2 && files[0].file.endsWith(".svg") && files[1].file.endsWith(".csv"), "an SVG and a CSV of each chart");
  if (files.length !== 2) return;
  const parsed = new DOMParser().parseFromString(drawn, "image/svg+xml");
  expect(!parsed.querySelector("parsererror") && parsed.documentElement.localName === "svg", "an SVG that can be read");
  expect(parsed.querySelectorAll("path").length > 0 && parsed.querySelectorAll("text").length > 3, "lines and words in the SVG");
  expect(!/var\(|class=|NaN/.test(drawn), "an SVG that needs no style of the page");
  const lines = table.trimEnd().split("\n");
  expect(lines[0] === "run,column,iteration,elapsed_seconds,mean,least,greatest", "names of the CSV's columns");
  expect(lines.length > 1 && lines.slice(1).some((line) => /,-?[0-9]/.test(line)), "rows in the CSV");
}

function checkSmoothing() {
  const slider = document.querySelector(".smoothing"), before = paths("line");
  slide(slider, 0.9);
  const differs = data.runs.some((run) => run.curves && Object.values(run.curves.columns).some(({ mean }) => new Set(mean).size > 2));
  expect(!differs || !same(paths("line"), before), "other lines when smoothed");
  expect(same(paths("raw"), before), "the lines as they are behind the smoothed ones");
  expect(all(".smoothing").every((other) => other.value === slider.value), "one smoothing for all charts");
  slide(slider, 0);
  expect(same(paths("line"), before) && !paths("raw").join(""), "the lines of before without smoothing");
}

function drag(picture, from, to) {
  const { left, top, width } = picture.getBoundingClientRect();
  const at = (share) => ({ clientX: left + 54 + share * (width - 64), clientY: top + 80, button: 0, bubbles: true });
  picture.dispatchEvent(new PointerEvent("pointerdown", at(from)));
  picture.dispatchEvent(new PointerEvent("pointermove", at(to)));
  picture.dispatchEvent(new PointerEvent("pointerup", at(to)));
}

function checkZoom() {
  const before = paths("line"), [picture] = pictures, whole = document.querySelector(".whole");
  const ways = [
    ["+", () => press(picture, "+"), "0", () => press(picture, "0")],
    ["a drag", () => drag(picture, 0.2, 0.6), "a double click", () => picture.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }))],
    ["a drag back", () => drag(picture, 0.7, 0.3), "its button", () => whole.click()],
    ["+", () => press(picture, "+"), "-", () => press(picture, "-")],
  ];
  for (const [into, zoom, back, reset] of ways) {
    expect(whole.disabled, `nothing to go back from before ${into}`);
    zoom();
    expect(paths("line").every((path, i) => path !== before[i] || !before[i].includes("L")), `a zoom of all charts by ${into}`);
    expect(!whole.disabled, `a way back from ${into}`);
    press(picture, "ArrowRight");
    const cursor = picture.querySelector(".cursor"), at = Number(cursor.getAttribute("x1"));
    expect(picture.parentNode.querySelector(".tip").hidden || (at >= 53 && at <= picture.clientWidth - 9), `a cursor in the zoomed chart, at ${at}`);
    reset();
    expect(same(paths("line"), before), `all of the lines again by ${back}`);
    press(picture, "0");
  }
  drag(picture, 0.4, 0.402);
  expect(same(paths("line"), before), "no zoom by a click");
}

function checkLive() {
  const notice = document.querySelector(".live");
  expect(Boolean(notice) === (typeof data.live === "number"), "a notice on the page of a run that goes on, and only there");
  if (!notice) return;
  expect(notice.textContent.includes(`reloads itself every ${data.live} s`), "how often it reloads");
  const button = notice.querySelector("button");
  button.click();
  expect(notice.textContent.includes("no longer"), "a way to stop reloading");
  button.click();
}

// What the reader chose, before and after a reload.
const choices = () => ({ theme: page.dataset.theme, lines: paths("line"), scroll: Math.round(scrollY), sample: document.getElementById("iteration")?.value,
  pressed: all("button[aria-pressed]").map((button) => button.getAttribute("aria-pressed")), focus: document.activeElement.textContent });
async function checkReload(first) {
  if (first) {
    const log = all(".tools button[aria-pressed]")[0];
    log?.click();
    if (pictures.length) { slide(document.querySelector(".smoothing"), 0.5); drag(pictures[0], 0.2, 0.6); }
    scrollTo({ top: 700, behavior: "instant" });
    log?.focus({ preventScroll: true });
    await wait(100);
    sessionStorage.setItem("before", JSON.stringify(choices()));
    location.reload();
    await wait(1e6);
  }
  const before = JSON.parse(sessionStorage.getItem("before")), after = choices();
  for (const key of Object.keys(before))
    expect(JSON.stringify(before[key]) === JSON.stringify(after[key]), `the same ${key} after a reload`);
}

const again = sessionStorage.getItem("before") !== null;
if (!again) {
  checkParts();
  checkResults();
  checkPhone();
  checkTheme();
  checkSamples();
  pictures.forEach(checkChart);
  pictures.forEach(checkFiles);
  if (pictures.length) { checkSmoothing(); checkZoom(); }
  checkLive();
  sessionStorage.setItem("faults", JSON.stringify(faults));
} else {
  faults.push(...JSON.parse(sessionStorage.getItem("faults")));
}
await checkReload(!again);
for (const button of all("button")) button.click();
await wait(300);
expect(!/NaN|Infinity/.test(document.querySelector("main").innerHTML.replace(/data:image[^"]*/g, "")), "numbers after all buttons");
document.title = faults.length ? "FAULTS: " + [...new Set(faults)].join("; ") : "CHECKED";
</script>
SCRIPT
  # a frame has any width, a window not; the page reloads itself once
  echo "<iframe src='checked.html' style='width:$1px;height:900px'></iframe><script>setInterval(() => {
    document.title = frames[0].document.title }, 100)</script>" >"$work/frame.html"
  local title
  title=$(browser --enable-logging=stderr --dump-dom "file://$work/frame.html" | grep -o '<title>[^<]*' || true)
  if grep CONSOLE "$work/log" | grep -qi error || [[ "$title" != "<title>CHECKED" ]]; then
    echo "report_check: at $1 px: ${title#<title>}" >&2
    grep CONSOLE "$work/log" | cut -c1-300 >&2 || true
    exit 1
  fi
}

shot() {  # WIDTH THEME
  cp "$page" "$work/page.html"
  echo "<body style='margin:0'><iframe src='page.html' style='border:0;width:$1px;height:2600px'></iframe>" >"$work/frame.html"
  local scheme=1
  [[ "$2" == light ]] || scheme=0
  browser --blink-settings=preferredColorScheme=$scheme --window-size="$(($1 < 500 ? 500 : $1)),2600" \
    --screenshot="$folder/$1-$2.png" "file://$work/frame.html"
  echo "$folder/$1-$2.png"
}

for width in 390 1280; do
  check $width
  for theme in light dark; do shot $width $theme; done
done
echo "report_check: ok"

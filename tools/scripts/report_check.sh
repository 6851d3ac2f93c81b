#!/usr/bin/env bash
# Opens a report in Debian's chromium (package chromium, headless): fails when its script fails, when a part of the
# page is missing or when something sticks out of a phone's width; leaves screenshots to look at.
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
    --allow-file-access-from-files --virtual-time-budget=5000 "$@" 2>"$work/log"
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
expect(document.querySelectorAll(".run").length === data.runs.length, "a card for each run");
expect(page.scrollWidth <= page.clientWidth, `width ${page.scrollWidth} in ${page.clientWidth}`);
for (const image of document.images) expect(image.alt.length > 10 && image.naturalWidth > 0, "pictures that show, with words");
const before = page.dataset.theme;
document.getElementById("theme").click();
expect(page.dataset.theme !== before, "a change of colours");
if (data.runs.some((run) => run.samples.length > 1)) {
  const slider = document.getElementById("iteration");
  const shown = () => [...document.querySelectorAll("#samples img")].map((image) => image.src).join();
  const last = shown();
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  expect(shown() !== last, "another grid at the slider's start");
}
for (const picture of document.querySelectorAll(".chart > svg")) {
  expect(picture.querySelectorAll("path").length > 0, "a line in each chart");
  expect(!/NaN|Infinity/.test(picture.innerHTML), "numbers in each chart");
  expect(picture.getAttribute("aria-label").length > 10, "words for each chart");
  picture.focus();
  picture.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  expect(!picture.parentNode.querySelector(".tip").hidden, "values at the arrow keys");
  picture.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
}
for (const button of document.querySelectorAll("button")) button.click();
await wait(300);
expect(!/NaN|Infinity/.test(document.querySelector("main").innerHTML.replace(/data:image[^"]*/g, "")), "numbers after all buttons");
document.title = faults.length ? "FAULTS: " + [...new Set(faults)].join("; ") : "CHECKED";
</script>
SCRIPT
  # a frame has any width, a window not
  echo "<iframe src='checked.html' style='width:$1px;height:900px' onload='setTimeout(() => {
    document.title = frames[0].document.title }, 3000)'></iframe>" >"$work/frame.html"
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

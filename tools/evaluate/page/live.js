
// While training goes on the page is written anew, and loads itself again. A page that does not say so never does.
function liveNotice() {
  if (!isNumber(data.live) || data.live <= 0) return;
  // of a run that was killed nobody wrote an end
  if (isNumber(data.written) && Date.now() / 1000 - data.written > 10 * data.live + 60) {
    const since = new Date(1000 * data.written).toLocaleString();
    document.getElementById("main").append(html("p", { class: "card live", role: "status" },
      `not written since ${since}: the run has ended without saying so, or stands still`));
    return;
  }
  let timer = null;
  const words = html("span");
  const button = html("button", { type: "button", onclick: () => { choose({ stopped: !chosen.stopped }); set(); } });
  // not under the reader's hand: while something is pressed or plays, it waits
  const reload = () => {
    if (document.querySelector("html:active, [data-busy]")) timer = setTimeout(reload, 1000);
    else location.reload();
  };
  const set = () => {
    clearTimeout(timer);
    if (!chosen.stopped) timer = setTimeout(reload, 1000 * data.live);
    words.textContent = chosen.stopped ? "training went on when this page was loaded; it no longer reloads itself"
      : `training goes on: this page reloads itself every ${count(data.live)} s`;
    button.textContent = chosen.stopped ? "Reload again" : "Stop reloading";
  };
  set();
  document.getElementById("main").append(html("p", { class: "card live", role: "status" }, words, button));
}

// Where the reader was. An element is found again by its place among those of its kind and words.
const focusable = () => [...document.querySelectorAll("a[href], button, input, summary, [tabindex]")];
const wordsOf = (node) => node.getAttribute("aria-label")?.split(".")[0] || node.textContent || node.className;
function keepPlace() {
  addEventListener("pagehide", () => {
    const alike = document.activeElement && focusable().filter((node) => wordsOf(node) === wordsOf(document.activeElement));
    const nth = alike?.indexOf(document.activeElement) ?? -1;
    const kept = choose({ scroll: scrollY, focus: nth < 0 ? null : [wordsOf(document.activeElement), nth] });
    if (kept) history.scrollRestoration = "manual";  // the browser's own memory of the place may be older
  });
  const how = performance.getEntriesByType("navigation")[0]?.type;
  if (!["reload", "back_forward"].includes(how) || chosen.scroll === null) return;
  addEventListener("load", () => {
    if (chosen.focus) focusable().filter((node) => wordsOf(node) === chosen.focus[0])[chosen.focus[1]]?.focus({ preventScroll: true });
    scrollTo({ top: chosen.scroll, behavior: "instant" });
  });
}


// What the reader chose. It outlives a reload: the browser keeps it for this page in this tab, where it lets pages of
// files do so at all.
const keptAs = `ebm report ${location.pathname}`;
const chosen = { theme: null, byTime: false, smoothing: 0, zoom: null, logs: {}, open: {}, sample: null, onlyDiffering: false,
  stopped: false, scroll: null, focus: null };
try {
  Object.assign(chosen, JSON.parse(sessionStorage.getItem(keptAs)));
} catch { /* it begins anew */ }

// Whether it is kept.
function choose(part) {
  Object.assign(chosen, part);
  try {
    sessionStorage.setItem(keptAs, JSON.stringify(chosen));
    return true;
  } catch {
    return false;
  }
}

// A button that is pressed or not, and says so.
function toggleButton(text, pressed, onchange) {
  const node = html("button", { type: "button", "aria-pressed": String(pressed), onclick: () => {
    const now = node.getAttribute("aria-pressed") !== "true";
    node.setAttribute("aria-pressed", String(now));
    onchange(now);
  } }, text);
  return node;
}

// A part that is folded up until the reader opens it.
function folded(title, ...children) {
  const node = html("details", { class: "card", open: chosen.open[title] ? "" : null }, html("summary", {}, title), ...children);
  node.addEventListener("toggle", () => choose({ open: { ...chosen.open, [title]: node.open } }));
  return node;
}

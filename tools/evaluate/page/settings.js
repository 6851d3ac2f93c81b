
// Other pictures of the runs' folders, then the settings, those that differ marked.
function picturesSection() {
  const figures = runs.flatMap((run, index) => run.pictures.map((picture) => html("figure", { class: "card" },
    html("img", { src: picture.image, alt: `${picture.name} of ${run.name}` }),
    html("figcaption", {}, several ? [runLabel(index), ": "] : null, picture.name))));
  if (figures.length) section("pictures", "Pictures", html("div", { class: "pictures" }, figures));
}

function settingsSection() {
  const keys = [...new Set(runs.flatMap((run) => run.settings.map((entry) => entry.key)))];
  if (!keys.length) return;
  const rows = keys.map((key) => {
    const entries = runs.map((run) => run.settings.find((entry) => entry.key === key));
    const differs = new Set(entries.map((entry) => entry?.value)).size > 1;
    const help = entries.find((entry) => entry?.help)?.help;
    return { differs, node: html("tr", { class: differs ? "differs" : null },
      html("th", { scope: "row" }, key, help ? html("small", {}, help) : null),
      entries.map((entry) => html("td", {}, entry ? entry.value : "–"))) };
  });
  const differing = rows.filter((row) => row.differs).length;
  const only = several && differing ? html("button", { type: "button", "aria-pressed": "false", onclick: () => {
    const pressed = only.getAttribute("aria-pressed") !== "true";
    only.setAttribute("aria-pressed", String(pressed));
    for (const row of rows) row.node.hidden = pressed && !row.differs;
  } }, `only the ${differing} that differ`) : null;
  const bar = several ? html("div", { class: "bar" }, only,
    html("span", { class: "muted" }, differing ? "Rows that differ are marked." : "All settings are equal.")) : null;
  section("settings", "Settings", bar, html("div", { class: "card scroll settings" }, html("table", {},
    several ? html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "setting"),
      runs.map((_, index) => html("th", { scope: "col" }, runLabel(index))))) : null,
    html("tbody", {}, rows.map((row) => row.node)))));
}
picturesSection();
settingsSection();

// Dark or light: the system's wish until the button is pressed.
const wish = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
function applyTheme() {
  const theme = chosen ?? (wish.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
  document.getElementById("theme").setAttribute("aria-label", theme === "dark" ? "Change to light colours" : "Change to dark colours");
}
wish.addEventListener("change", applyTheme);
document.getElementById("theme").addEventListener("click", () => {
  chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  applyTheme();
});
applyTheme();


// The settings of all runs, those that differ marked.
function settingsSection() {
  const keys = [...new Set(runs.flatMap((run) => run.settings.map((entry) => entry.key)))];
  if (!keys.length) return;
  const rows = keys.map((key) => {
    const entries = runs.map((run) => run.settings.find((entry) => entry.key === key));
    const differs = new Set(entries.map((entry) => entry?.value)).size > 1;
    const help = entries.find((entry) => entry?.help)?.help;
    return { differs, node: html("tr", { class: differs ? "differs" : null, role: "row" },
      html("th", { scope: "row", role: "rowheader" }, key, help ? html("small", {}, help) : null),
      entries.map((entry, i) => html("td", { role: "cell", "data-label": runs[i].name }, entry ? entry.value : "–"))) };
  });
  const differing = rows.filter((row) => row.differs).length;
  const showOnly = (pressed) => {
    for (const row of rows) row.node.hidden = pressed && !row.differs;
    choose({ onlyDiffering: pressed });
  };
  const only = several && differing ? toggleButton(`only the ${differing} that differ`, chosen.onlyDiffering, showOnly) : null;
  if (only && chosen.onlyDiffering) showOnly(true);
  const bar = several ? html("div", { class: "bar" }, only,
    html("span", { class: "muted" }, differing ? "Rows that differ are marked." : "All settings are equal.")) : null;
  section("settings", "Settings", bar, html("div", { class: "card scroll settings" },
    html("table", { class: several ? "rows" : null, role: "table" },
      several ? html("thead", { role: "rowgroup" }, html("tr", { role: "row" },
        html("th", { scope: "col", role: "columnheader" }, "setting"),
        runs.map((_, index) => html("th", { scope: "col", role: "columnheader" }, runLabel(index))))) : null,
      html("tbody", { role: "rowgroup" }, rows.map((row) => row.node)))));
}

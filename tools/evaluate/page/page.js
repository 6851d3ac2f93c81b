
// The page, in the order in which a reader asks: how is it, how good is it, what does it draw, how did it get there.
liveNotice();
summarySection();
scoresSection();
samplesSection();
curvesSection();
resultsSection();
picturesSection();
settingsSection();
drawCharts();

// Dark or light: the system's wish until the button is pressed.
const wish = matchMedia("(prefers-color-scheme: dark)");
function applyTheme() {
  const theme = chosen.theme ?? (wish.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
  document.getElementById("theme").setAttribute("aria-label", theme === "dark" ? "Change to light colours" : "Change to dark colours");
}
wish.addEventListener("change", applyTheme);
document.getElementById("theme").addEventListener("click", () => {
  choose({ theme: document.documentElement.dataset.theme === "dark" ? "light" : "dark" });
  applyTheme();
});
applyTheme();
keepPlace();

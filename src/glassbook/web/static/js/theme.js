// Light or dark theme, set before the first paint from the reader's last choice.
const kept = localStorage.getItem("glassbook-theme");
if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;

// Before anything is painted: the theme that was chosen here last, if one was.
const kept = localStorage.getItem("glassbook-theme");
if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;

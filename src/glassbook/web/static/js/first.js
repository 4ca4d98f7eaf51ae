// Theme and early events, before the first paint: the reader's last choice of light or dark, and clicks that come before the modules.
const kept = localStorage.getItem("glassbook-theme");
if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;

// Clicks, entries and submissions that only scripts can answer are held back, and done again, in their order, when all scripts have run.
const held = [];

function hold(event) {
  const { target, type, submitter } = event;
  const button = type === "click" && target.closest("button[type=button]");
  if (type === "click" && !button) return;
  if (type === "submit" && (target.hasAttribute("action") || target.method === "dialog")) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  if (button) held.push(() => button.click());
  else if (type === "submit") held.push(() => target.requestSubmit(submitter));
  else held.push(() => target.dispatchEvent(new Event(type, { bubbles: true })));
}

const kinds = ["click", "submit", "input", "change"];
for (const kind of kinds) addEventListener(kind, hold, true);
addEventListener("DOMContentLoaded", () => {
  for (const kind of kinds) removeEventListener(kind, hold, true);
  for (const again of held) again();
});

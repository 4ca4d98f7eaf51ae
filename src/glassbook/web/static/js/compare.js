// Page of run comparison: overlaid curves, and a switch that shows identical settings.
import { curves } from "./curves.js";

const section = document.querySelector("[data-curves]");
if (section) curves(section);
const all = document.querySelector("[data-all]");
all?.addEventListener("change", () => {
  for (const table of document.querySelectorAll(".differences")) table.classList.toggle("all", all.checked);
});

// Runs side by side: curves overlaid, and the settings that are alike on request.
import { curves } from "./curves.js";

const section = document.querySelector("[data-curves]");
if (section) curves(section);
const all = document.querySelector("[data-all]");
all?.addEventListener("change", () => {
  for (const table of document.querySelectorAll(".differences")) table.classList.toggle("all", all.checked);
});

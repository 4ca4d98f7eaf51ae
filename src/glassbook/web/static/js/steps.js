// Figures that stand below each other, one for each value of a setting: a slider and a number field step through them.
import { el } from "./api.js";

export function stepThrough(group) {
  const sections = [...group.querySelectorAll(":scope > section")];
  const last = sections.length;
  const range = el("input", { type: "range", min: 1, max: last, step: 1, value: 1, "aria-label": group.getAttribute("aria-label") });
  const field = el("input", { type: "number", min: 1, max: last, step: 1, value: 1, "aria-label": `which of ${last}` });
  const told = el("output", { "aria-live": "polite" });

  function choose(at) {
    sections.forEach((section, i) => (section.hidden = i !== at - 1));
    const { stepOf } = sections[at - 1].dataset;
    told.textContent = stepOf;
    range.setAttribute("aria-valuetext", stepOf);
    if (range.valueAsNumber !== at) range.value = at;
    if (field.valueAsNumber !== at) field.value = at;
  }

  for (const input of [range, field]) input.addEventListener("input", () => {
    if (input.value !== "" && input.checkValidity()) choose(input.valueAsNumber);
  });
  for (const label of group.querySelectorAll(".step-label")) label.hidden = true; // the slider says it
  group.prepend(el("p", { class: "row step-choice" }, range, field, el("span", {}, `of ${last}: `, told)));
  choose(1);
}

export function stepAll(root = document) {
  for (const group of root.querySelectorAll("[data-steps]:not(:has(.step-choice))")) stepThrough(group);
}

// The form of an experiment: quick settings, and what does not fit said beside the field.
import { ask, say } from "./api.js";

const form = document.querySelector("[data-experiment]");
const button = form.querySelector("[type=submit]");
const wrong = new Map([...form.querySelectorAll("[data-wrong]")].map((place) => [place.dataset.wrong, place]));
const problem = form.querySelector("[data-problem]");

function controls() {
  return [...form.elements].filter((control) => control.name);
}

function clear() {
  problem.textContent = "";
  for (const place of wrong.values()) place.textContent = "";
  for (const control of form.elements) control.removeAttribute("aria-invalid");
}

function tell(name, text) {
  const place = wrong.get(name);
  if (!place) {
    problem.textContent = text;
    return null;
  }
  place.textContent = text;
  const control = name === "seed" ? form.querySelector("[data-seed]") : form.elements.namedItem(name);
  control?.setAttribute("aria-invalid", "true");
  return control;
}

form.querySelector("[data-fill-quick]").addEventListener("click", () => {
  for (const control of controls()) {
    if (control.type === "checkbox") control.checked = control.dataset.quick === "true";
    else control.value = control.dataset.quick;
  }
  clear();
  say("quick settings are filled in");
});
form.addEventListener("reset", clear);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clear();
  const seed = form.querySelector("[data-seed]").value.trim();
  if (!/^[0-9]{1,10}$/.test(seed)) return tell("seed", "a seed is a whole number, 0 or more").focus();
  const values = Object.fromEntries(controls().map((control) => [control.name, control.type === "checkbox" ? control.checked : control.value]));
  button.disabled = true;
  try {
    const { job } = await ask("/api/v1/jobs", { method: "POST", body: { experiment: form.dataset.experiment, values, seed: Number(seed) } });
    location.href = `/jobs/${job.id}`;
  } catch (error) {
    const fields = error.data?.fields ?? {};
    const controls = Object.entries(fields).map(([name, text]) => tell(name, text));
    if (!controls.length) problem.textContent = error.message;
    controls.find(Boolean)?.focus();
  } finally {
    button.disabled = false;
  }
});

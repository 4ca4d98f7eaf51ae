// Settings form of an experiment: quick settings, submission as a job, and errors beside their fields.
import { ask, rooted, say } from "./api.js";
import { answered } from "./answered.js";

const form = document.querySelector("[data-experiment]");
const button = form.querySelector("[type=submit]");
const wrong = new Map([...form.querySelectorAll("[data-wrong]")].map((place) => [place.dataset.wrong, place]));
const known = form.querySelector("[data-answered]");
const problem = form.querySelector("[data-problem]");

function controls() {
  return [...form.elements].filter((control) => control.name);
}

function clear() {
  problem.textContent = "";
  known.replaceChildren();
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
  const control = ["seed", "gpus"].includes(name) ? form.querySelector(`#${name}`) : form.elements.namedItem(name);
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

async function run(again) {
  clear();
  const seed = form.querySelector("[data-seed]").value.trim();
  if (!/^[0-9]{1,10}$/.test(seed)) return tell("seed", "a seed must be a whole number, 0 or more").focus();
  const values = Object.fromEntries(controls().map((control) => [control.name, control.type === "checkbox" ? control.checked : control.value]));
  const gpus = form.querySelector("[data-gpus]");
  const most = Number(gpus?.dataset.gpus ?? 0);
  if (gpus && !(/^[0-9]{1,3}$/.test(gpus.value.trim()) && Number(gpus.value) <= most)) {
    return tell("gpus", `must be a whole number from 0 to ${most}`).focus();
  }
  button.disabled = true;
  try {
    const body = { experiment: form.dataset.experiment, values, seed: Number(seed), gpus: Number(gpus?.value ?? 0), again };
    const answer = await ask("/api/v1/jobs", { method: "POST", body });
    if (answer.job) location.href = rooted(`/jobs/${answer.job.id}`);
    else known.append(...answered(answer, () => run(true)));
  } catch (error) {
    const fields = error.data?.fields ?? {};
    const controls = Object.entries(fields).map(([name, text]) => tell(name, text));
    if (!controls.length) problem.textContent = error.message;
    controls.find(Boolean)?.focus();
  } finally {
    button.disabled = false;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run(false);
});

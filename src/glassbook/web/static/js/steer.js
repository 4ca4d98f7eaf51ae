// Steering page (templates/steer.html): steered texts from /api/v1/steer, strengths compared, results saved to a page.
// Its rows are in steer_rows.js, the comparison in steer_sweep.js; texts are shown by steered.js, in live blocks as well;
// the routes are in views/steering_panel.py.
import { ask, el, rooted } from "./api.js";
import { add, setStrengths, showDamage, sourceOf } from "./steer_rows.js";
import { show } from "./steered.js";
import { pairs, streamed } from "./streamed.js";
import { suggestPages } from "./suggest.js";

const form = document.querySelector("[data-steering]");
const sources = form.querySelector("[data-sources]");
const place = document.querySelector("[data-answer]");
const keep = document.querySelector("[data-keep]");
let shown; // the settings of the answer that stands on the page

function settingsOf() {
  const given = Object.fromEntries(new FormData(form));
  return {
    model: given.model.trim(),
    sources: [...sources.children].map(sourceOf),
    where: given.where,
    prompts: given.prompts.split("\n").filter((line) => line.trim()),
    tokens: Number(given.tokens),
    temperature: Number(given.temperature),
    seed: Number(given.seed),
    random: form.elements.random.checked,
    chat: form.elements.chat.checked,
  };
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const settings = settingsOf();
  const button = form.querySelector("[data-do]");
  if (!settings.sources.length) {
    place.replaceChildren(el("p", { class: "error-line" }, "Add a direction first."));
    return;
  }
  button.disabled = true;
  try {
    const answer = await streamed("/api/v1/steer", settings, place, pairs);
    show(place, answer);
    shown = settings;
    history.replaceState(null, "", rooted(`/steer?${answer.query}`));
    keep.querySelector("[data-permalink]").href = rooted(`/steer?${answer.query}`);
    keep.querySelector("[data-kept]").textContent = "";
    keep.hidden = false;
  } catch {
    keep.hidden = true; // the place of the answer says why
  }
  button.disabled = false;
});

// The model is opened as soon as someone turns to the form, so that the first text does not wait for it. A model that
// would have to be downloaded is not.
function warm() {
  const model = form.elements.model.value;
  const local = [...document.getElementById("steer-models").options].some((option) => option.value === model);
  if (local) ask("/api/v1/models/tokens", { method: "POST", body: { model, text: "a" } }).catch(() => {}); // steering says what is wrong
}
for (const turned of ["pointermove", "focusin"]) form.addEventListener(turned, warm, { once: true });

const compare = form.querySelector("[data-compare]");
compare.addEventListener("click", async () => {
  if (!form.reportValidity()) return;
  const settings = settingsOf();
  const strengths = form.elements.strengths.value.split(",").map((text) => text.trim()).filter(Boolean).map(Number);
  const wrong = !settings.sources.length ? "Add a direction first."
    : strengths.some(Number.isNaN) || !strengths.length ? "Write strengths as numbers, such as 0, 0.5, 1." : "";
  if (wrong) {
    place.replaceChildren(el("p", { class: "error-line" }, wrong));
    return;
  }
  const { sweep } = await import("./steer_sweep.js");
  const button = form.querySelector("[data-do]");
  keep.hidden = compare.disabled = button.disabled = true;
  showDamage(null);
  showDamage(await sweep(place, settings, strengths, Number(form.dataset.damage), setStrengths));
  compare.disabled = button.disabled = false;
});

// What the mark on the slider says holds for these settings only; a strength is none of them.
form.addEventListener("input", (event) => {
  if (!event.target.matches("[data-slider], [data-field=coeff], [name=strengths], [name=random]")) showDamage(null);
});

// The column of the random vector comes and goes at once if there is one.
form.elements.random.addEventListener("change", () => place.classList.toggle("no-random", !form.elements.random.checked));

keep.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = keep.querySelector("[data-do]");
  const said = keep.querySelector("[data-kept]");
  button.disabled = true;
  said.className = "";
  try {
    const page = await ask("/api/v1/steer/keep", { method: "POST", body: { settings: shown, page: keep.elements.page.value } });
    said.replaceChildren(page.new ? "Saved to the new page " : "Saved to ", el("a", { href: rooted(page.url) }, page.title));
  } catch (error) {
    said.className = "error-line";
    said.textContent = error.message;
  }
  button.disabled = false;
});

suggestPages(keep.elements.page, document.getElementById("keep-pages"));

for (const button of form.querySelectorAll("[data-add]")) {
  const empty = { feature: { index: "" }, actadd: {}, contrast: { plus: [], minus: [] }, vector: { vector: "" } }[button.dataset.add];
  button.addEventListener("click", () => {
    showDamage(null);
    add(empty).querySelector("input, select, textarea").focus();
  });
}
for (const source of JSON.parse(form.dataset.settings).sources) add(source);
if (!sources.children.length) add(form.querySelector("[data-add=feature]").disabled ? {} : { index: "" });
const strengths = new URLSearchParams(location.search).get("strengths");
if (strengths) form.elements.strengths.value = strengths;
for (const button of [form.querySelector("[data-do]"), compare]) button.disabled = false; // until here they would have done nothing

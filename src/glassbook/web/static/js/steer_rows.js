// Directions of the steering page (templates/steer.html): a row for each, with its strength in units of its own.
import { ask, el, number, rooted } from "./api.js";
import { suggest } from "./suggest.js";
import { visible } from "./tokens.js";

const form = document.querySelector("[data-steering]");
const sources = form.querySelector("[data-sources]");

export const field = (row, name) => row.querySelector(`[data-field=${name}]`);
const templateOf = (kind) => document.querySelector(`template[data-row=${kind}]`).content;

function featureRow(row) {
  const [run, index] = [field(row, "run"), field(row, "index")];
  const hint = row.querySelector("[data-hint]");
  const unit = row.querySelector("[data-unit]");

  const named = ({ label, tokens }) => label || tokens.map(([text]) => visible(text)).slice(0, 4).join(" ");
  suggest(index, row.querySelector("datalist"), async (text) => {
    if (/^\d+( |$)/.test(text)) return [];
    const { features } = await ask(`/api/v1/features/${encodeURIComponent(run.value)}?${new URLSearchParams({ q: text, size: 12 })}`);
    return features.map((feature) => el("option", { value: `${feature.index} ${named(feature)}` }));
  });

  async function check() {
    const wanted = /^\s*(\d+)( |$)/.exec(index.value)?.[1];
    index.setCustomValidity(wanted === undefined && index.value ? "Choose a suggested feature or enter its index." : "");
    hint.textContent = "";
    unit.textContent = "× the feature’s largest recorded activation";
    if (wanted === undefined || !run.value) return;
    try {
      const feature = await ask(`/api/v1/features/${encodeURIComponent(run.value)}/${wanted}`);
      hint.replaceChildren(el("a", { href: rooted(`/features/${encodeURIComponent(run.value)}/${wanted}`) }, named(feature) || "its page"));
      unit.textContent = feature.max ? `× ${number(Number(feature.max.toPrecision(3)))}, its largest recorded activation` : "× 1: it was never active";
    } catch (error) {
      hint.textContent = error.message;
    }
  }
  // A new row begins with the feature whose name fits best, so that one can steer at once.
  async function best() {
    const query = new URLSearchParams({ order: "score", down: true, labelled: true, size: 1 });
    const { features: [first] } = await ask(`/api/v1/features/${encodeURIComponent(run.value)}?${query}`).catch(() => ({ features: [] }));
    if (!first || index.value) return;
    index.value = `${first.index} ${named(first)}`;
    await check();
  }

  for (const input of [run, index]) input.addEventListener("change", check);
  if (index.value === "" && run.value) best();
  else check();
}

function pairRow(row, { plus, minus, site }) {
  const given = { plus, minus, site: site || usualSite(form.elements.model.value) };
  for (const [name, value] of Object.entries(given)) if (value) field(row, name).value = value;
  row.querySelector("[data-hint]").textContent = "Spaces count: “ bride” is one word in the middle of a sentence.";
  row.querySelector("[data-unit]").textContent = "× the difference of the two, at the first tokens of the prompt";
  field(row, "site").addEventListener("focus", suggestSites);
}

// The difference of the mean activations of two lists of texts; strength 1 has the length of a typical activation.
function contrastRow(row, { plus, minus, site }) {
  field(row, "plus").value = plus.join("\n");
  field(row, "minus").value = minus.join("\n");
  field(row, "site").value = site || usualSite(form.elements.model.value);
  row.querySelector("[data-unit]").textContent = "× the typical length of an activation there";
  field(row, "site").addEventListener("focus", suggestSites);
}

const linesOf = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

const canonical = (json) => JSON.stringify(JSON.parse(json));

function vectorRow(row, { run, artifact }) {
  const select = field(row, "vector");
  row.querySelector("[data-unit]").textContent = "× the vector as it was saved";
  if (!artifact) return;
  const value = JSON.stringify([run, artifact]);
  const same = [...select.options].find((option) => canonical(option.value) === value);
  if (same) same.selected = true;
  else select.append(new Option(`${artifact} of ${run}`, value, true, true));
}

// Where a pair usually goes in a model that was opened before; "" of an unknown one.
const usualSite = (model) => [...document.getElementById("steer-models").options].find((option) => option.value === model)?.dataset.site ?? "";

// The inputs and outputs of the model's blocks, when someone turns to the field: the model is opened for it.
let suggested;
async function suggestSites({ target }) {
  const model = form.elements.model.value;
  if (suggested === model) return;
  suggested = model;
  const { blocks } = await ask("/api/v1/models/open", { method: "POST", body: { model } }).catch(() => ({ blocks: [] }));
  document.getElementById("steer-sites").replaceChildren(...blocks.flatMap((name) => [`${name}.in`, `${name}.out`]).map((value) => el("option", { value })));
  if (!target.value && blocks.length) target.value = `${blocks[Math.floor(blocks.length / 3)]}.in`;
}

function choose(select, value) {
  // A run that is not listed (an old one, or the beginning of an id) can be used all the same.
  if (value && ![...select.options].some((option) => option.value === value)) select.append(new Option(value, value));
  if (value) select.value = value;
}

// Adds a row for a source; one without values gets those of a new row of its kind.
export function add(source) {
  const kind = "index" in source ? "feature" : "vector" in source || "artifact" in source ? "vector"
    : Array.isArray(source.plus) ? "contrast" : "actadd";
  const row = templateOf(kind).firstElementChild.cloneNode(true);
  row.append(document.querySelector("template[data-strength]").content.cloneNode(true));
  sources.append(row);
  if (kind === "feature") {
    choose(field(row, "run"), source.run);
    field(row, "index").value = source.index;
    featureRow(row);
  } else if (kind === "actadd") pairRow(row, source);
  else if (kind === "contrast") contrastRow(row, source);
  else vectorRow(row, source);

  const [slider, coeff] = [row.querySelector("[data-slider]"), field(row, "coeff")];
  slider.value = coeff.value = source.coeff ?? { feature: 0.5, contrast: 0.3 }[kind] ?? 1;
  slider.addEventListener("input", () => (coeff.value = slider.value));
  coeff.addEventListener("input", () => (slider.value = coeff.value));
  row.querySelector("[data-remove]").addEventListener("click", () => {
    row.remove();
    showDamage(null);
    form.querySelector("[data-add]:not([disabled])").focus();
  });
  return row;
}

export function sourceOf(row) {
  const coeff = Number(field(row, "coeff").value);
  const value = (name) => field(row, name).value;
  if (row.dataset.kind === "feature") return { run: value("run"), index: Number.parseInt(value("index"), 10), coeff };
  if (row.dataset.kind === "contrast") return { plus: linesOf(value("plus")), minus: linesOf(value("minus")), site: value("site"), coeff };
  if (row.dataset.kind === "actadd") return { plus: value("plus"), minus: value("minus"), site: value("site"), coeff };
  const [run, artifact] = JSON.parse(value("vector"));
  return { run, artifact, coeff };
}

// Sets the strengths of all rows.
export function setStrengths(coeffs) {
  [...sources.children].forEach((row, i) => {
    field(row, "coeff").value = row.querySelector("[data-slider]").value = Number(coeffs[i].toFixed(4));
  });
}

// Marks on the slider where damage starts, as a comparison of strengths found; null takes the mark away. With several
// directions the strengths were changed together, so that no slider has such a point of its own.
export function showDamage(found) {
  const alone = sources.children.length === 1;
  for (const row of sources.children) {
    const [mark, note] = [row.querySelector("[data-damage-mark]"), row.querySelector("[data-damage-note]")];
    const slider = row.querySelector("[data-slider]");
    const there = alone && found;
    mark.hidden = !there || found.at <= 0 || found.at > Number(slider.max);
    if (!mark.hidden) mark.style.setProperty("--at", found.at / Number(slider.max));
    note.textContent = there ? `Damage starts at ${number(found.at)}${found.below === null ? "" : `; ${number(found.below)} does none`}.` : "";
  }
}

// What new rows of a kind offer; without a choice there are none.
function offer(kind, options) {
  templateOf(kind).querySelector("select").replaceChildren(...options);
  form.querySelector(`[data-add=${kind}]`).disabled = !options.length;
}

// The choices that go with a model: features and vectors of its own, and the site and prompts that suit it.
let model = form.elements.model.value;
form.elements.model.addEventListener("change", async () => {
  const [old, now] = [model, form.elements.model.value.trim()];
  model = now;
  const prompts = JSON.parse(form.dataset.prompts);
  const suits = (name) => (name === "builtin" ? prompts.builtin : prompts.others).join("\n");
  if (form.elements.prompts.value === suits(old)) form.elements.prompts.value = suits(now);
  for (const row of sources.querySelectorAll("[data-kind=actadd], [data-kind=contrast]")) {
    if (field(row, "site").value === usualSite(old)) field(row, "site").value = usualSite(now);
  }
  const none = { features: [], vectors: [] };
  const { features: runs, vectors } = await ask(`/api/v1/steer/sources?${new URLSearchParams({ model: now })}`).catch(() => none);
  if (model !== now) return;
  const nameOf = ({ dictionary, experiment, seed }) => (dictionary === "builtin" ? "the built-in dictionary" : `${experiment}, seed ${seed}`);
  const saved = vectors.map(({ run, artifact }) => [JSON.stringify([run, artifact]), `${artifact} of ${run}`]);
  offer("feature", runs.map((one) => new Option(`${nameOf(one)}, ${one.site}`, one.run)));
  offer("vector", saved.map(([value, text]) => new Option(text, value)));
  const known = (row) => ["actadd", "contrast"].includes(row.dataset.kind)
    || (row.dataset.kind === "vector" ? saved.some(([value]) => value === canonical(field(row, "vector").value)) : runs.some(({ run }) => run.startsWith(field(row, "run").value)));
  const gone = [...sources.children].filter((row) => !known(row));
  for (const row of gone) row.remove();
  document.querySelector("[data-sources-note]").textContent = [
    gone.length ? "Features and vectors of the other model were removed." : "",
    runs.length ? "" : "This model has no features in this notebook.",
  ].join(" ").trim();
  if (!sources.children.length) add(runs.length ? { index: "" } : {});
});

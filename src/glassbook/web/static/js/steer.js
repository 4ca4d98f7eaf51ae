// Steering page (templates/steer.html): directions as rows with sliders, steered texts from /api/v1/steer, saved to a page.
// The texts are shown by steered.js, in live blocks as well; the routes are in views/steering_panel.py.
import { ask, el } from "./api.js";
import { show } from "./steered.js";
import { pairs, streamed } from "./streamed.js";
import { visible } from "./tokens.js";

const form = document.querySelector("[data-steering]");
const sources = form.querySelector("[data-sources]");
const place = document.querySelector("[data-answer]");
const keep = document.querySelector("[data-keep]");
let shown; // the settings of the answer that stands on the page
let rows = 0;

const field = (row, name) => row.querySelector(`[data-field=${name}]`);
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Fills a datalist from the server while one types; only the newest request counts.
function suggest(input, list, options) {
  let turn = 0;
  list.id ||= `suggest-${rows++}`;
  input.setAttribute("list", list.id);
  input.addEventListener("input", async () => {
    const mine = ++turn;
    await wait(150);
    if (mine !== turn || !input.value.trim()) return;
    const found = await options(input.value.trim()).catch(() => []);
    if (mine === turn) list.replaceChildren(...found);
  });
}

function featureRow(row) {
  const [run, index] = [field(row, "run"), field(row, "index")];
  const hint = el("span", { class: "dim hint" });
  row.querySelector(".what").append(hint);

  const named = ({ label, tokens }) => label || tokens.map(([text]) => visible(text)).slice(0, 4).join(" ");
  suggest(index, row.querySelector("datalist"), async (text) => {
    if (/^\d+( |$)/.test(text)) return [];
    const { features } = await ask(`/api/v1/features/${encodeURIComponent(run.value)}?${new URLSearchParams({ q: text, size: 12 })}`);
    return features.map((feature) => el("option", { value: `${feature.index} ${named(feature)}` }));
  });

  async function check() {
    const number = /^\s*(\d+)( |$)/.exec(index.value)?.[1];
    index.setCustomValidity(number === undefined && index.value ? "Choose a suggested feature or enter its index." : "");
    hint.textContent = "";
    if (number === undefined || !run.value) return;
    try {
      const feature = await ask(`/api/v1/features/${encodeURIComponent(run.value)}/${number}`);
      hint.replaceChildren(el("a", { href: `/features/${encodeURIComponent(run.value)}/${number}` }, named(feature) || "its page"));
    } catch (error) {
      hint.textContent = error.message;
    }
  }
  for (const input of [run, index]) input.addEventListener("change", check);
  check();
}

function choose(select, value) {
  // A run that is not listed (an old one, or the beginning of an id) can be used all the same.
  if (value && ![...select.options].some((option) => option.value === value)) select.append(new Option(value, value));
  if (value) select.value = value;
}

function add(source) {
  const kind = "index" in source ? "feature" : "vector" in source || "artifact" in source ? "vector" : "actadd";
  const row = document.querySelector(`template[data-row=${kind}]`).content.firstElementChild.cloneNode(true);
  row.append(document.querySelector("template[data-strength]").content.firstElementChild.cloneNode(true));
  sources.append(row);
  if (kind === "feature") {
    choose(field(row, "run"), source.run);
    field(row, "index").value = source.index;
    featureRow(row);
  } else if (kind === "vector") {
    if (source.artifact) {
      const value = JSON.stringify([source.run, source.artifact]);
      const same = [...field(row, "vector").options].find((option) => JSON.stringify(JSON.parse(option.value)) === value);
      if (same) same.selected = true;
      else field(row, "vector").append(new Option(`${source.artifact} of ${source.run}`, value, true, true));
    }
  } else for (const name of ["plus", "minus", "site"]) if (source[name]) field(row, name).value = source[name];

  const [slider, coeff] = [row.querySelector("[data-slider]"), field(row, "coeff")];
  slider.value = coeff.value = source.coeff ?? ("index" in source ? 1 : 4);
  slider.addEventListener("input", () => (coeff.value = slider.value));
  coeff.addEventListener("input", () => (slider.value = coeff.value));
  row.querySelector("[data-remove]").addEventListener("click", () => {
    row.remove();
    form.querySelector("[data-add]:not([disabled])").focus();
  });
  return row;
}

function sourceOf(row) {
  const coeff = Number(field(row, "coeff").value);
  const value = (name) => field(row, name).value;
  if (row.dataset.kind === "feature") return { run: value("run"), index: Number.parseInt(value("index"), 10), coeff };
  if (row.dataset.kind === "actadd") return { plus: value("plus"), minus: value("minus"), site: value("site"), coeff };
  const [run, artifact] = JSON.parse(value("vector"));
  return { run, artifact, coeff };
}

function settingsOf() {
  const given = Object.fromEntries(new FormData(form));
  return {
    model: given.model,
    sources: [...sources.children].map(sourceOf),
    where: given.where,
    prompts: given.prompts.split("\n").filter((line) => line.trim()),
    tokens: Number(given.tokens),
    temperature: Number(given.temperature),
    seed: Number(given.seed),
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
    history.replaceState(null, "", `/steer?${answer.query}`);
    keep.querySelector("[data-permalink]").href = `/steer?${answer.query}`;
    keep.querySelector("[data-kept]").textContent = "";
    keep.hidden = false;
  } catch {
    keep.hidden = true; // the place of the answer says why
  }
  button.disabled = false;
});

keep.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = keep.querySelector("[data-do]");
  const said = keep.querySelector("[data-kept]");
  button.disabled = true;
  said.className = "";
  try {
    const page = await ask("/api/v1/steer/keep", { method: "POST", body: { settings: shown, page: keep.elements.page.value } });
    said.replaceChildren(page.new ? "Saved to the new page " : "Saved to ", el("a", { href: page.url }, page.title));
  } catch (error) {
    said.className = "error-line";
    said.textContent = error.message;
  }
  button.disabled = false;
});

suggest(keep.elements.page, document.getElementById("keep-pages"), async (text) => {
  const { suggestions } = await ask(`/api/v1/complete?q=${encodeURIComponent(text)}`);
  return suggestions.filter((one) => one.kind === "page").map((one) => el("option", { value: one.title }));
});

for (const button of form.querySelectorAll("[data-add]")) {
  const empty = { feature: { index: "" }, actadd: {}, vector: { vector: "" } }[button.dataset.add];
  button.addEventListener("click", () => add(empty).querySelector("input, select").focus());
}
for (const source of JSON.parse(form.dataset.settings).sources) add(source);
if (!sources.children.length) add(form.querySelector("[data-add=feature]").disabled ? {} : { index: "" });
form.querySelector("[data-do]").disabled = false; // until here it would have done nothing

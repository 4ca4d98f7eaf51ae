// Page of a picture model: a picture is chosen, dropped or pasted; its pixels are read here, by a canvas, and sent as they
// are. The answer is classes as bars or a reconstruction, and a dictionary's strongest features as maps on the picture.
import { ask, el, number } from "./api.js";
import { waiting } from "./panels.js";
import { squareOf } from "./square.js";
import { showSites } from "./sites.js";

const SIDE = 512; // pixels of the square that is sent; the server scales it to what the model sees
const page = document.querySelector(".picture-model");
const { model, task } = page.dataset;
const png = (data) => `data:image/png;base64,${data}`;
const percent = (p) => (p < 0.001 ? "< 0.1 %" : `${(100 * p).toFixed(1)} %`);

// --- the model itself ---

const opening = page.querySelector("[data-open]");
const opened = page.querySelector("[data-opened]");
const button = opening.querySelector("button");

async function open() {
  opening.hidden = true;
  try {
    const facts = await waiting(opened, ask("/api/v1/models/open", { method: "POST", body: { model } }));
    const shown = { parameters: facts.parameters, pixels: `${facts.size} × ${facts.size}`, channels: facts.channels, classes: facts.classes || null };
    const list = Object.entries(shown).filter(([, value]) => value != null);
    opened.replaceChildren(
      el("dl", { class: "results" }, ...list.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "number" ? number(value) : value)))),
      showSites(facts.sites, facts.blocks),
    );
    offer(facts.dictionaries ?? []);
    ready();
  } catch {
    opening.hidden = false; // what is wrong stands where the answer would
  }
}
button.addEventListener("click", open);

function ready() {
  for (const control of page.querySelectorAll("form :disabled")) control.disabled = false;
}

// The dictionaries that were trained on this model.
function offer(dictionaries) {
  const row = page.querySelector("[data-dictionaries]");
  if (!row || !dictionaries.length) return;
  row.hidden = false;
  row.querySelector("select").replaceChildren(
    ...dictionaries.map(({ name, site }) => el("option", { value: name }, `${site}: ${name.replace("run:", "")}`)),
    el("option", { value: "" }, "none"),
  );
}

// --- looking ---

const looking = page.querySelector("[data-ask=look]");
const answer = page.querySelector("[data-answer]");
let pixels; // of the picture that is looked at: {pixels, width, height}
let asked = 0;

async function look() {
  const mine = ++asked;
  const dictionary = looking.elements.dictionary.value;
  try {
    const told = await waiting(answer, ask("/api/v1/models/look", { method: "POST", body: { model, ...pixels, ...(dictionary ? { dictionary } : {}) } }));
    if (mine !== asked) return; // another picture was chosen meanwhile
    answer.replaceChildren(told.classes ? classes(told) : pair(told));
    showFeatures(told);
  } catch {
    if (mine === asked) page.querySelector("[data-features]").hidden = true;
  }
}

function seen({ seen, size }, caption = "what the model sees") {
  return el("figure", {}, el("img", { src: png(seen), alt: "the picture as the model sees it", class: size < 100 ? "small" : null }), el("figcaption", {}, `${caption}, ${size} × ${size} pixels`));
}

function classes(told) {
  const rows = told.classes.map(({ name, p }) => {
    const bar = el("span", {});
    bar.style.width = `${100 * p}%`;
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "num" }, percent(p)), el("td", { class: "bar", "aria-hidden": "true" }, bar));
  });
  return el("div", { class: "looked" }, seen(told), el("table", { class: "classes" }, el("caption", {}, "Likeliest classes"), el("tbody", {}, ...rows)));
}

function pair(told) {
  const made = el("figure", {}, el("img", { src: png(told.made), alt: "its reconstruction", class: told.size < 100 ? "small" : null }), el("figcaption", {}, `what is left of it after the code, ${told.psnr == null ? "every pixel the same" : `${told.psnr.toFixed(1)} dB`}`));
  return el("div", { class: "looked pair-of-pictures" }, seen(told), made);
}

// --- features ---

async function showFeatures({ seen, features }) {
  page.querySelector("[data-features]").hidden = !features;
  if (!features) return;
  const place = page.querySelector("[data-answer-features]");
  if (!features.shown.length) return place.replaceChildren(el("p", {}, "No feature is active anywhere in this picture."));
  const picture = new Image();
  picture.src = png(seen);
  await picture.decode();
  const [height, width] = features.grid.length ? features.grid : [0, 0];
  const maps = features.shown.map((feature) => {
    const caption = el("figcaption", {}, el("b", {}, `feature ${feature.index}`), ` up to ${feature.largest.toPrecision(3)}`);
    if (!width) return el("li", {}, el("figure", {}, caption));
    const canvas = overlay(picture, feature.values, width, height);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `where feature ${feature.index} is active: ${where(feature.values, width, height)}`);
    return el("li", {}, el("figure", {}, canvas, caption));
  });
  place.replaceChildren(el("p", { class: "dim" }, `At ${features.site}: the brighter a place, the more active the feature is there.`), el("ul", { class: "feature-maps" }, ...maps), numbers(features, width, height));
}

// The picture, dark where a feature is silent.
function overlay(picture, values, width, height) {
  const side = 224;
  const canvas = el("canvas", { width: side, height: side });
  const shade = new OffscreenCanvas(width, height);
  const brush = shade.getContext("2d");
  const map = brush.createImageData(width, height);
  values.forEach((value, i) => map.data.set([12, 14, 18, Math.round(200 * (1 - value))], 4 * i));
  brush.putImageData(map, 0, 0);
  const onto = canvas.getContext("2d");
  onto.imageSmoothingEnabled = picture.width >= 100;
  onto.drawImage(picture, 0, 0, side, side);
  onto.imageSmoothingEnabled = true; // a feature map has few pixels, and each sees more than its own square
  onto.drawImage(shade, 0, 0, side, side);
  return canvas;
}

// The place of the largest value, in words.
function where(values, width, height) {
  const best = values.indexOf(Math.max(...values));
  const third = (part, names) => names[Math.min(2, Math.floor(3 * part))];
  const down = third((Math.floor(best / width) + 0.5) / height, ["top", "middle", "bottom"]);
  const across = third(((best % width) + 0.5) / width, ["left", "centre", "right"]);
  return `most at the ${down} ${across}`;
}

function numbers({ shown }, width, height) {
  const head = ["feature", "largest activation", "share of places", ...(width ? ["where most"] : [])];
  const rows = shown.map(({ index, largest, active, values }) => el("tr", {}, el("th", { scope: "row" }, index), el("td", { class: "num" }, number(largest)), el("td", { class: "num" }, percent(active)), ...(width ? [el("td", {}, where(values, width, height))] : [])));
  return el("details", {}, el("summary", {}, "The numbers"), el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "features in numbers" }, el("table", {}, el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, ...rows))));
}

// --- choosing ---

async function take(file) {
  if (!file || looking.elements.picture.disabled) return;
  try {
    pixels = await squareOf(file, SIDE);
  } catch (error) {
    asked += 1;
    page.querySelector("[data-features]").hidden = true;
    return answer.replaceChildren(el("p", { class: "error-line" }, error.message));
  }
  await look();
}

if (looking) {
  const drop = looking.querySelector("[data-drop]");
  looking.addEventListener("submit", (event) => event.preventDefault());
  looking.elements.picture.addEventListener("change", ({ target }) => take(target.files[0]));
  looking.elements.dictionary.addEventListener("change", () => pixels && look());
  for (const kind of ["dragenter", "dragover"])
    page.addEventListener(kind, (event) => {
      if (![...event.dataTransfer.items].some((item) => item.kind === "file")) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  page.addEventListener("dragleave", (event) => page.contains(event.relatedTarget) || drop.classList.remove("over"));
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => take([...event.clipboardData.files].find((file) => file.type.startsWith("image/"))));
}

// --- making ---

const making = page.querySelector("[data-ask=make]");
making?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(making));
  try {
    const body = { model, seed: Number(given.seed), count: Number(given.count) };
    const { made } = await waiting(answer, ask("/api/v1/models/make", { method: "POST", body }));
    answer.replaceChildren(el("div", { class: "made" }, ...made.map((data, i) => el("img", { src: png(data), alt: `picture ${i + 1} of seed ${body.seed}` }))));
  } catch {
    // what is wrong stands where the answer would
  }
});

if ("local" in page.dataset) open();
else opening.hidden = false;

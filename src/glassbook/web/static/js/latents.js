// Latents panel: a picture beside what its moved latents decode to, a slider for each active latent; or noise added to a
// picture and removed. Used by the live block `latents` (panels.js) and the page /latents; data from /api/v1/latents.
import { ask, el, number, rooted } from "./api.js";
import { paced } from "./paced.js";
import { squareOf } from "./square.js";
import { suggest } from "./suggest.js";

const PATH = "/api/v1/latents";
const FIRST = 8; // latents whose sliders are seen at once
const REACH = 4; // spreads from the mean to which a slider goes; the number beside it goes further

const known = ({ seed, picture, pixels, code }) => Object.fromEntries(Object.entries({ seed, picture, pixels, code }).filter(([, value]) => value != null));

// The settings without what is as it would be anyway.
function short({ model, mode, set = {}, strip, noise, ...start }) {
  const given = { model, ...known(start) };
  if (mode === "denoise") return { ...given, mode, noise };
  if (Object.keys(set).length) given.set = set;
  if (strip != null) given.strip = strip;
  return given;
}

function address({ set = {}, code, ...rest }) {
  const query = new URLSearchParams(Object.entries(rest).filter(([, value]) => value != null));
  if (code) query.set("code", code.join(","));
  for (const [unit, value] of Object.entries(set)) query.append("set", `${unit}:${value}`);
  return `/latents?${query}`;
}

const figure = (src, name, alt) => el("figure", {}, el("img", { src, alt, class: "pixels" }), el("figcaption", {}, name));
const decibels = (value) => `${value.toFixed(1)} dB`;

// A slider with a number field of the same value; `moved(value)` is called when either changes.
function slider({ label, value, min, max, step, farthest, moved }) {
  const range = el("input", { type: "range", min, max, step, value, "aria-label": label });
  const field = el("input", { type: "number", min: farthest ? -farthest : min, max: farthest ?? max, step: "any", value, "aria-label": `${label}, as a number` });
  const take = (from, other) => from.addEventListener("input", () => {
    if (from.value === "" || !from.reportValidity()) return;
    other.value = from.value;
    moved(Number(from.value));
  });
  take(range, field);
  take(field, range);
  return { range, field, put(now) { if (document.activeElement !== field) field.value = now; if (document.activeElement !== range) range.value = now; } };
}

class Panel {
  constructor(place, settings) {
    Object.assign(this, { place, settings: { mode: "decode", ...settings } });
    this.asking = paced((question) => ask(PATH, { method: "POST", body: question }), (answer) => this.take(answer), (error) => this.tell(error.message, true));
    this.pictures = el("div", { class: "latent-pictures" });
    this.strip = el("div", { class: "latent-strip" });
    this.controls = el("div");
    this.said = el("p", { role: "status", class: "dim" });
    this.keeping = el("button", { type: "button", class: "quiet", "data-keep-on": true }, "Keep on a page");
    this.link = el("button", { type: "button", class: "quiet", "data-copy-link": true }, "Copy link");
    place.replaceChildren(this.start(), this.pictures, this.strip, this.controls, this.said, el("p", { class: "row" }, this.keeping, this.link));
  }

  tell(text, bad = false) {
    this.said.textContent = text;
    this.said.className = bad ? "error-line" : "dim";
  }

  want() {
    this.asking.want(short(this.settings));
  }

  // Another picture: its latents are where they are. A picture that cannot be shown leaves what stands there.
  begin(start) {
    this.asking.drop();
    const { model, mode, noise, strip } = this.settings;
    this.settings = { model, mode, noise, strip, ...start };
    this.units = undefined;
    this.tell("");
    this.want();
  }

  start() {
    const seed = el("input", { type: "number", name: "seed", min: "0", max: "2147483647", value: this.settings.seed ?? 0 });
    const choose = () => seed.reportValidity() && seed.value !== "" && this.begin({ seed: Number(seed.value) });
    seed.addEventListener("change", choose);
    const file = el("input", { type: "file", accept: "image/*" });
    const take = async (chosen) => {
      if (!chosen) return;
      try {
        const { pixels } = await squareOf(chosen, this.size);
        this.begin({ pixels });
      } catch (error) {
        this.tell(error.message, true);
      }
    };
    file.addEventListener("change", () => take(file.files[0]));
    this.pictures.addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
    this.pictures.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      take(event.dataTransfer.files[0]);
    });
    const beside = el("input", { size: "18", maxlength: "200", autocomplete: "off", placeholder: "part of its name", value: this.settings.picture });
    const list = el("datalist");
    suggest(beside, list, async (text) => (await ask(`/api/v1/pictures?${new URLSearchParams({ q: text })}`)).pictures.map((value) => el("option", { value })));
    beside.addEventListener("change", () => beside.value && this.begin({ picture: beside.value }));
    return el("p", { class: "row" },
      el("label", {}, "Picture number ", seed),
      el("button", { type: "button", class: "quiet", onclick: () => { seed.value = Number(seed.value || 0) + 1; choose(); } }, "Next"),
      el("label", {}, "or one of the notebook ", beside), list,
      el("label", {}, "or a file ", file));
  }

  take(answer) {
    this.size = answer.size;
    this.tell("");
    if (answer.mode === "denoise") this.denoised(answer);
    else this.decoded(answer);
    // Pixels are too long for an address: what is kept of a dropped picture is its code.
    const { pixels, ...settings } = short(this.settings);
    const kept = pixels === undefined || answer.mode === "denoise" ? settings : { model: settings.model, code: answer.code, ...(settings.strip == null ? {} : { strip: settings.strip }) };
    this.keeping.dataset.keepOn = JSON.stringify({ kind: "latents", ...kept });
    this.link.dataset.copyLink = rooted(address(kept));
    this.keeping.disabled = this.link.disabled = answer.mode === "denoise" && pixels !== undefined;
    this.place.dispatchEvent(new CustomEvent("chosen", { detail: address(kept) }));
  }

  decoded(answer) {
    const changed = Object.keys(this.settings.set ?? {}).length;
    this.pictures.replaceChildren(
      ...(answer.picture ? [figure(answer.picture, "the picture", "the picture")] : []),
      figure(answer.rebuilt, answer.psnr == null ? "its code, decoded" : `decoded as it is, ${decibels(answer.psnr)}`, "what its code decodes to"),
      figure(answer.decoded, changed ? `${changed} latent${changed === 1 ? "" : "s"} moved` : "nothing moved yet", "what the moved code decodes to"));
    this.strip.replaceChildren(...(answer.strip ? [
      el("p", { class: "which" }, `latent ${answer.strip.unit} from ${answer.strip.at[0]} to ${answer.strip.at.at(-1)} spreads`),
      el("div", { class: "latent-row" }, ...answer.strip.pictures.map((src, i) => figure(src, String(answer.strip.at[i]), `latent ${answer.strip.unit} at ${answer.strip.at[i]} spreads`))),
    ] : []));
    if (!this.units) this.table(answer);
    for (const { unit, now } of answer.units) {
      this.units.get(unit).put(now);
    }
  }

  table({ units, latents }) {
    this.units = new Map();
    const row = ({ unit, own, now, spread }) => {
      const move = slider({
        label: `latent ${unit}`, value: now, min: -REACH, max: REACH, step: "0.05", farthest: 10,
        moved: (value) => { this.settings.set = { ...this.settings.set, [unit]: value }; this.want(); },
      });
      this.units.set(unit, move);
      const strip = el("button", { type: "button", class: "quiet small", "aria-label": `strip of latent ${unit}`, onclick: () => { this.settings.strip = this.settings.strip === unit ? undefined : unit; this.want(); } }, "Strip");
      const back = el("button", { type: "button", class: "quiet small", "aria-label": `put latent ${unit} back`, onclick: () => { const { [unit]: _, ...rest } = this.settings.set ?? {}; this.settings.set = rest; this.want(); } }, "Back");
      return el("tr", {}, el("th", { scope: "row", class: "num" }, String(unit)), el("td", {}, move.range), el("td", {}, move.field), el("td", { class: "num" }, own.toFixed(2)), el("td", { class: "num" }, number(spread)), el("td", {}, back, " ", strip));
    };
    const table = (some, caption) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      el("table", { class: "latents" }, el("caption", {}, caption),
        el("thead", {}, el("tr", {}, ...["latent", "spreads from its mean", "as a number", "of the picture", "spread"].map((name) => el("th", { scope: "col" }, name)), el("td"))),
        el("tbody", {}, ...some.map(row))));
    const rest = units.slice(FIRST);
    this.controls.replaceChildren(
      table(units.slice(0, FIRST), `${units.length} of ${latents} latents are active; the most active first`),
      ...(rest.length ? [el("details", {}, el("summary", {}, `${rest.length} more`), table(rest, "less active latents"))] : []));
  }

  denoised(answer) {
    this.pictures.replaceChildren(
      figure(answer.picture, "the picture", "the picture"),
      figure(answer.noisy, "with noise", "the picture with noise"),
      figure(answer.decoded, "noise removed", "the picture, its noise removed"));
    if (!this.noise) {
      this.noise = slider({ label: "noise", value: this.settings.noise ?? 0.2, min: 0, max: 1, step: "0.01", moved: (value) => { this.settings.noise = value; this.want(); } });
      this.numbers = el("tbody");
      this.controls.replaceChildren(
        el("p", { class: "row" }, "Standard deviation of the noise, of pixels from 0 to 1 ", this.noise.range, this.noise.field),
        el("table", {}, el("caption", {}, "Peak signal-to-noise ratio"), el("thead", {}, el("tr", {}, ...["with noise", "noise removed", "gained"].map((name) => el("th", { scope: "col", class: "num" }, name)))), this.numbers));
    }
    this.numbers.replaceChildren(el("tr", {}, ...[decibels(answer.psnr_noisy), decibels(answer.psnr), decibels(answer.psnr - answer.psnr_noisy)].map((text) => el("td", { class: "num" }, text))));
  }
}

// Shows an answer, and the controls that ask for others.
export function show(place, answer, settings) {
  new Panel(place, settings).take(answer);
}

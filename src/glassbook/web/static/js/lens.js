// Lens viewer: the likeliest tokens of each layer at each position, by the lens that is chosen.
// Used by the model page (models.js) and by the live block `lens` (panels.js); data from /api/v1/models/lens.
import { ask, el } from "./api.js";
import { roving, shade, share, visible } from "./tokens.js";

const KINDS = { logit: "Logit lens", tuned: "Tuned lens", jacobian: "Jacobian lens", permuted: "Jacobian lens, permuted (control)" };
const SAYS = {
  logit: "The stream after each layer, as if it were the last one.",
  tuned: "The stream after each layer, through a map that was trained to give the model’s output.",
  jacobian: "What the stream after each layer leads to, here and later in the text.",
  permuted: "The same matrices with rows and columns in random order: what this shows means nothing.",
};

// The table of a lens; `settings` are those that it was asked for with, so that another lens can be asked for. Tells which
// lens is shown by an event "chosen".
export function show(place, { kind, tokens, layers }, settings) {
  const choice = el("select", { "aria-label": "lens" }, ...Object.entries(KINDS).map(([value, name]) => el("option", { value, selected: value === kind }, name)));
  const said = el("p", { class: "dim" }, SAYS[kind]);
  choice.addEventListener("change", () => {
    const wanted = { ...settings, kind: choice.value };
    choice.disabled = true;
    // What stands there stays, and the reason why there is no such lens is said beside it.
    ask("/api/v1/models/lens", { method: "POST", body: wanted }).then(
      (data) => { show(place, data, wanted); place.querySelector("select").focus(); },
      (error) => { said.textContent = error.message; choice.value = kind; choice.disabled = false; },
    );
  });
  const detail = el("div", { class: "lens-detail", role: "status" }, el("p", { class: "dim" }, "Select a cell to see the layer's top predictions there."));
  const buttons = [];

  function cell(layer, t) {
    const guesses = layer.cells[t];
    const best = guesses[0];
    const button = el("button", { type: "button", class: `t s${shade(best.p)}`, title: share(best.p), "aria-label": `${layer.name}, after “${visible(tokens[t])}”: ${visible(best.token)}, ${share(best.p)}` }, visible(best.token));
    button.addEventListener("focus", () => tell(layer.name, t, guesses, button));
    button.addEventListener("click", () => tell(layer.name, t, guesses, button));
    buttons.push(button);
    return el("td", {}, button);
  }

  function tell(name, t, guesses, button) {
    for (const other of buttons) other.classList.toggle("chosen", other === button);
    detail.replaceChildren(
      el("p", {}, el("strong", {}, name), ", after “", el("span", { class: "t" }, visible(tokens[t])), "”: ",
        ...guesses.flatMap((guess, i) => [i ? ", " : "", el("span", { class: `t s${shade(guess.p)}` }, visible(guess.token)), ` ${share(guess.p)}`])),
    );
  }

  const table = el("table", { class: "lens" },
    el("caption", {}, `${KINDS[kind]}: likeliest token per layer`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "layer"), ...tokens.map((text) => el("th", { scope: "col" }, el("span", { class: "t" }, visible(text)))))),
    el("tbody", {}, ...layers.map((layer) => el("tr", {}, el("th", { scope: "row" }, layer.name), ...tokens.map((_, t) => cell(layer, t))))),
  );
  place.replaceChildren(el("p", {}, choice), said, el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": KINDS[kind] }, table), detail);
  roving(buttons, tokens.length);
  place.dispatchEvent(new CustomEvent("chosen", { detail: { kind } }));
}

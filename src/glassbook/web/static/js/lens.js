// Logit lens viewer: the top next-token predictions of each layer at each position.
// Used by the model page (models.js) and by the live block `lens` (panels.js); data from /api/v1/models/lens.
import { el } from "./api.js";
import { roving, shade, share, visible } from "./tokens.js";

export function show(place, { tokens, layers }) {
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
    el("caption", {}, "Top prediction per layer"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "layer"), ...tokens.map((text) => el("th", { scope: "col" }, el("span", { class: "t" }, visible(text)))))),
    el("tbody", {}, ...layers.map((layer) => el("tr", {}, el("th", { scope: "row" }, layer.name), ...tokens.map((_, t) => cell(layer, t))))),
  );
  place.replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "logit lens" }, table), detail);
  roving(buttons, tokens.length);
}

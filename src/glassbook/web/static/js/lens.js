// The logit lens: what each layer would say next at each token, were it the last.
import { el } from "./api.js";
import { roving, shade, share, visible } from "./tokens.js";

export function showLens(place, { tokens, layers }) {
  const detail = el("div", { class: "lens-detail", role: "status" }, el("p", { class: "dim" }, "Choose a cell to see what else the layer considers there."));
  const buttons = [];

  function cell(layer, t) {
    const guesses = layer.cells[t];
    const best = guesses[0];
    const button = el("button", { type: "button", class: `t s${shade(best.p)}`, title: share(best.p), "aria-label": `${layer.name}, after ${visible(tokens[t])}: ${visible(best.token)}, ${share(best.p)}` }, visible(best.token));
    button.addEventListener("focus", () => tell(layer.name, t, guesses, button));
    button.addEventListener("click", () => tell(layer.name, t, guesses, button));
    buttons.push(button);
    return el("td", {}, button);
  }

  function tell(name, t, guesses, button) {
    for (const other of buttons) other.classList.toggle("chosen", other === button);
    detail.replaceChildren(
      el("p", {}, el("strong", {}, name), " after ", el("span", { class: "t" }, visible(tokens[t])), ": ",
        ...guesses.flatMap((guess, i) => [i ? ", " : "", el("span", { class: `t s${shade(guess.p)}` }, visible(guess.token)), ` ${share(guess.p)}`])),
    );
  }

  const table = el("table", { class: "lens" },
    el("caption", {}, "What each layer would say next"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "layer"), ...tokens.map((text) => el("th", { scope: "col" }, el("span", { class: "t" }, visible(text)))))),
    el("tbody", {}, ...layers.map((layer) => el("tr", {}, el("th", { scope: "row" }, layer.name), ...tokens.map((_, t) => cell(layer, t))))),
  );
  place.replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "logit lens" }, table), detail);
  roving(buttons, tokens.length);
}

// Steering results: unsteered and steered text side by side, and one under a random vector if it was asked for, with
// highlights, and what the numbers mean in sentences. The sweep of strengths (steer_sweep.js) shows its texts alike.
import { el } from "./api.js";
import { shade, share } from "./tokens.js";

// Texts of a result and the titles of their columns.
export const COLUMNS = { plain: "unsteered", steered: "steered", random: "random vector" };

// The new part of a text; `pieces` are [text, value], values what `highlights` says.
export function highlighted(pieces, highlights) {
  return pieces.map(([text, value]) => {
    if (!(value > 0)) return text;
    if (highlights === "words") return el("mark", {}, text);
    return el("span", { class: `s${shade(value)}`, title: `${share(value)} of its largest activation` }, text);
  });
}

export function legend(highlights) {
  if (highlights === "words") return el("p", { class: "dim legend" }, "Marked: ", el("mark", {}, "words"), " that the unsteered text does not have.");
  const scale = [1, 2, 3, 4, 5].map((step) => el("span", { class: `s${step}` }, `${step * 20}`));
  return el("p", { class: "dim legend" }, "Tinted: the feature’s own activation at each token, read by the unsteered model, in % of the largest recorded: ", el("span", { class: "scale" }, ...scale));
}

function pair({ prompt, pieces }, highlights) {
  const columns = Object.entries(COLUMNS).filter(([name]) => name in pieces);
  return el("section", { class: "pair" },
    el("p", { class: "prompt" }, prompt || "(no prompt)"),
    el("div", { class: "pair-texts" }, ...columns.map(([name, title]) =>
      el("div", { "data-column": name }, el("p", { class: "which" }, title), el("p", { class: "text" }, "…", ...highlighted(pieces[name], highlights))))));
}

function told(title, sentences) {
  return sentences?.length ? [el("div", {}, el("p", { class: "panel-title" }, title), el("ul", {}, ...sentences.map((sentence) => el("li", {}, sentence))))] : [];
}

export function show(place, { results, highlights, sentences, notes = [] }) {
  place.replaceChildren(
    ...results.map((result) => pair(result, highlights)),
    legend(highlights),
    el("div", { class: "measured" }, ...told("Effect", sentences?.effect), ...told("Damage", sentences?.damage), ...told("The dictionary", notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`))),
  );
}

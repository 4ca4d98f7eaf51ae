// Steering results: unsteered and steered text side by side with the differing words marked, and effect and damage.
import { el, number } from "./api.js";

// The words of both texts with those that are in only one of them marked, by their longest common subsequence.
export function differing(plain, steered) {
  const [a, b] = [plain, steered].map((text) => text.match(/\s+|\S+/g) ?? []);
  const [x, y] = [a, b].map((pieces) => pieces.map((text, i) => [text, i]).filter(([text]) => text.trim()));
  const length = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      length[i][j] = x[i][0] === y[j][0] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const same = [new Set(), new Set()];
  for (let i = 0, j = 0; i < x.length && j < y.length; ) {
    if (x[i][0] === y[j][0]) {
      same[0].add(x[i++][1]);
      same[1].add(y[j++][1]);
    } else if (length[i + 1][j] >= length[i][j + 1]) i++;
    else j++;
  }
  return [a, b].map((pieces, side) => pieces.map((text, i) => ({ text, differs: Boolean(text.trim()) && !same[side].has(i) })));
}

function marked(pieces) {
  return pieces.map(({ text, differs }) => (differs ? el("mark", {}, text) : text));
}

// Label and tooltip of each number in the answer's `effect` and `damage`.
const MEASURES = {
  changed_tokens: ["changed tokens", "share of the generated tokens that differ from the unsteered text"],
  preference_nats: ["log-prob gain, nats per token", "how much more likely the steered texts are under steering than without it"],
  nll_plain: ["NLL per token, unsteered", "nats; negative log-likelihood of the unsteered texts under the unsteered model"],
  nll_steered: ["NLL per token, steered", "nats; negative log-likelihood of the steered texts under the unsteered model; high where the text is damaged"],
  distinct_2_plain: ["distinct-2, unsteered", "distinct pairs of neighbouring tokens as a share of all pairs"],
  distinct_2_steered: ["distinct-2, steered", "distinct pairs of neighbouring tokens as a share of all pairs; low where the text repeats itself"],
};

function numbers(title, values) {
  const pairs = Object.entries(values ?? {}).filter(([, value]) => value != null);
  if (!pairs.length) return [];
  return [el("div", {}, el("p", { class: "panel-title" }, title), el("dl", { class: "results" }, ...pairs.map(([name, value]) => {
    const [label, title] = MEASURES[name] ?? [name.replaceAll("_", " ")];
    return el("div", {}, el("dt", { title }, label), el("dd", {}, number(value)));
  })))];
}

export function show(place, { results, effect, damage }) {
  place.replaceChildren(
    ...results.map(({ prompt, plain, steered }) => {
      const [a, b] = differing(plain, steered);
      return el("section", { class: "pair" },
        el("p", { class: "prompt" }, prompt || "(no prompt)"),
        el("div", { class: "pair-texts" },
          el("div", {}, el("p", { class: "which" }, "unsteered"), el("p", { class: "text" }, ...marked(a))),
          el("div", {}, el("p", { class: "which" }, "steered"), el("p", { class: "text" }, ...marked(b)))));
    }),
    el("div", { class: "measured" }, ...numbers("Effect", effect), ...numbers("Damage", damage)),
  );
}

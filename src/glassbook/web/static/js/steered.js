// Steered texts: plain beside steered, the words that differ marked, and what it did and cost in numbers.
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

// What the numbers are, for whoever points at their names.
const MEANING = {
  changed_tokens: "share of the new tokens that are other ones",
  preference_nats: "by how much steering makes its own texts likelier, for each new token",
  surprise_plain: "nats that the plain model needs for each new token of its own texts",
  surprise_steered: "nats that the plain model needs for each new token of the steered texts",
  distinct_2_plain: "different pairs of neighbouring tokens as a share of all, in the plain texts",
  distinct_2_steered: "the same in the steered texts; low where a text repeats itself",
};

function numbers(title, values) {
  const pairs = Object.entries(values ?? {}).filter(([, value]) => value != null);
  if (!pairs.length) return [];
  return [el("div", {}, el("p", { class: "panel-title" }, title), el("dl", { class: "results" }, ...pairs.map(([name, value]) => el("div", {}, el("dt", { title: MEANING[name] }, name.replaceAll("_", " ")), el("dd", {}, number(value))))))];
}

export function showSteered(place, { results, effect, damage }) {
  place.replaceChildren(
    ...results.map(({ prompt, plain, steered }) => {
      const [a, b] = differing(plain, steered);
      return el("section", { class: "pair" },
        el("p", { class: "prompt" }, prompt || "(no prompt)"),
        el("div", { class: "pair-texts" },
          el("div", {}, el("p", { class: "which" }, "plain"), el("p", { class: "text" }, ...marked(a))),
          el("div", {}, el("p", { class: "which" }, "steered"), el("p", { class: "text" }, ...marked(b)))));
    }),
    el("div", { class: "measured" }, ...numbers("Effect", effect), ...numbers("Damage", damage)),
  );
}

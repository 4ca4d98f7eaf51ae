// Command palette (Ctrl K): places, commands, sections of this page, and everything in the notebook, by what one types.
import { el } from "./api.js";
import { allResults, combobox, findInNotebook } from "./find.js";

const COMMANDS = 6; // shown beside what the notebook holds

// What this page offers: its navigation, its sections, and whatever calls itself a command (`data-command`).
function commands() {
  const found = [];
  const link = (node, kind, title = node.textContent.trim()) => found.push({ title, kind, hint: "", href: node.href });
  link(document.querySelector(".book-title"), "go to", "Home");
  for (const node of document.querySelectorAll("#contents li a")) link(node, "go to");
  for (const node of document.querySelectorAll("[data-command]")) found.push({ title: node.dataset.command, kind: "command", hint: "", act: () => node.click() });
  for (const node of document.querySelectorAll(".toc a")) link(node, "on this page");
  return found;
}

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// Edits that make one word into another: letters put in, left out, replaced, or swapped with their neighbours.
export function distance(word, other) {
  let far = [];
  let before = [];
  let row = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (let i = 1; i <= word.length; i++) {
    [far, before, row] = [before, row, [i]];
    for (let j = 1; j <= other.length; j++) {
      const same = word[i - 1] === other[j - 1] ? 0 : 1;
      row[j] = Math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + same);
      if (i > 1 && j > 1 && word[i - 1] === other[j - 2] && word[i - 2] === other[j - 1]) row[j] = Math.min(row[j], far[j - 2] + 1);
    }
  }
  return row[other.length];
}

// How badly a word that may be unfinished and misspelt fits a name: 0 begins it, 1 begins a word of it, 2 is in it, 3 nearly.
function fit(word, name) {
  if (name.startsWith(word)) return 0;
  const words = name.split(/[^\p{L}\p{N}]+/u);
  if (words.some((one) => one.startsWith(word))) return 1;
  if (name.includes(word)) return 2;
  const most = word.length < 4 ? 0 : word.length < 8 ? 1 : 2;
  const near = (one) => [-1, 0, 1].some((more) => distance(word, one.slice(0, word.length + more)) <= most);
  return most && words.some(near) ? 3 : Infinity;
}

// The commands that fit all words of a text, the best first.
export function matching(text, all) {
  const words = folded(text).split(/\s+/).filter(Boolean);
  const scored = all.map((one, n) => [words.reduce((sum, word) => sum + fit(word, folded(one.title)), 0), n, one]);
  return scored.filter(([score]) => score < Infinity).sort(([a, n], [b, m]) => a - b || n - m).map(([, , one]) => one);
}

let palette;

function make() {
  const list = el("ul", { class: "found", id: "palette-found", role: "listbox", "aria-label": "what was found" });
  const input = el("input", {
    type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": "palette-found", "aria-autocomplete": "list",
    "aria-label": "search or command", placeholder: "Search, or type a command", autocomplete: "off", spellcheck: "false", maxlength: "300",
  });
  const dialog = el("dialog", { class: "palette", "aria-label": "command palette" }, input, list,
    el("p", { class: "dim", "aria-hidden": "true" }, el("kbd", {}, "↑"), " ", el("kbd", {}, "↓"), " choose  ", el("kbd", {}, "Enter"), " open  ", el("kbd", {}, "Esc"), " close"));
  document.body.append(dialog);
  let all = [];
  const { update } = combobox(
    input,
    list,
    (text, signal) => {
      const fitting = matching(text, all);
      return text ? [fitting.slice(0, COMMANDS), findInNotebook(text, signal), [allResults(text)]] : [fitting];
    },
    { first: true, left: () => dialog.close() },
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return () => {
    if (dialog.open) return dialog.close();
    all = commands();
    input.value = "";
    dialog.showModal();
    update();
  };
}

// Opens the palette, or closes it.
export function openPalette() {
  palette ??= make();
  palette();
}

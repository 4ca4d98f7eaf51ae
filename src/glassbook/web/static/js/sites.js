// The sites of a model as a folded table: one row for each module, the blocks' own given once for all of them.
import { el, number } from "./api.js";

// "blocks.3.attn.q.out#1" -> ["blocks.N.attn.q", "out", "#1"]; `blocks` are the names of the blocks.
function parts(name, blocks) {
  const [, path, side, more] = /^(?:(.*)\.)?(in|out)(#\d+)?$/.exec(name) ?? [null, name, "out", ""];
  const block = blocks.find((one) => path === one || path?.startsWith(`${one}.`));
  const general = block ? block.replace(/\d+(?!.*\d)/, "N") + path.slice(block.length) : (path ?? "");
  return [general, side, more ?? ""];
}

export function showSites(sites, blocks) {
  const modules = new Map();
  for (const { name, form } of sites) {
    const [path, side, more] = parts(name, blocks);
    if (!modules.has(path)) modules.set(path, { in: new Map(), out: new Map() });
    const there = modules.get(path)[side];
    // Blocks of one kind can differ in a part: all its shapes are told.
    there.set(more, [...new Set([...(there.get(more) ?? []), form])]);
  }
  const cell = (there) => el("td", {}, ...[...there].flatMap(([more, forms], i) => [i ? el("br") : "", more ? el("code", {}, `${more} `) : "", forms.join(" or ")]));
  const range = blocks.length > 1 ? ` with N from 0 to ${blocks.length - 1}` : "";
  return el("details", {},
    el("summary", {}, `${number(sites.length)} sites that can be read and edited`),
    el("p", { class: "dim" }, `A site is the input or output of a module: its name${range}, then .in or .out, then # and a number for a further tensor.`),
    el("div", { class: "scroll sites", tabindex: "0", role: "region", "aria-label": "sites" },
      el("table", {},
        el("thead", {}, el("tr", {}, ...["module", ".in", ".out"].map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...[...modules].map(([path, there]) => el("tr", {}, el("td", {}, path ? el("code", {}, path) : "the whole model"), cell(there.in), cell(there.out)))))));
}

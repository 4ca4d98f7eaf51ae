// Attention viewer: a thumbnail for each head, the selected head enlarged, and the strongest links of one query token.
// Used by the model page (models.js) and by the live block `attention` (panels.js); data from /api/v1/models/attention.
import { el } from "./api.js";
import { roving, shade, share, visible } from "./tokens.js";

const STRONGEST = 5;
const SVG = "http://www.w3.org/2000/svg";

function colour() {
  return getComputedStyle(document.documentElement).getPropertyValue("--shade").trim().split(/\s+/).map(Number);
}

// One pixel for a pair of tokens; the page enlarges it without smoothing.
function paint(canvas, weights) {
  const n = weights.length;
  canvas.width = canvas.height = n;
  const [red, green, blue] = colour();
  const context = canvas.getContext("2d");
  const image = context.createImageData(n, n);
  for (let q = 0; q < n; q++) {
    for (let k = 0; k <= q; k++) {
      const at = 4 * (q * n + k);
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = Math.round(255 * Math.sqrt(weights[q][k])); // the root, so that weak links are seen at all
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// The selected head, enlarged: rows are query tokens, columns are key tokens.
function large(tokens, weights, choose) {
  const n = tokens.length;
  const step = Math.max(11, Math.min(26, 460 / n));
  const shown = tokens.map((text) => (visible(text).length > 10 ? `${visible(text).slice(0, 9)}…` : visible(text)));
  const room = 12 + 7.2 * Math.max(...shown.map((text) => text.length));
  const size = room + step * n;
  // The chosen row has an outline: a tint would read as attention.
  const band = svg("rect", { x: 1, y: 0, width: size - 2, height: step, class: "band" });
  const picture = svg("svg", { viewBox: `0 0 ${size} ${size}`, width: size, height: size, class: "attention-large", role: "img", "aria-label": "attention of this head; the table beside it has the numbers" },
    svg("image", { x: room, y: room, width: step * n, height: step * n, href: paint(document.createElement("canvas"), weights).toDataURL(), class: "pixels", preserveAspectRatio: "none" }),
    svg("rect", { x: room, y: room, width: step * n, height: step * n, class: "frame" }),
    ...shown.map((text, i) => svg("text", { x: room - 6, y: room + step * (i + 0.5), class: "query" }, text)),
    ...shown.map((text, i) => svg("text", { transform: `translate(${room + step * (i + 0.5)} ${room - 6}) rotate(-90)`, class: "key" }, text)),
    band,
  );
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const row = Math.floor((((event.clientY - box.top) / box.height) * size - room) / step);
    if (row >= 0 && row < n) choose(row);
  });
  return { picture, mark: (row) => band.setAttribute("y", room + step * row) };
}

// One head: its map, its tokens as a line shaded by the selected query's weights, and the strongest links as a table.
function head(place, title, tokens, weights) {
  const rows = el("tbody");
  const said = el("caption");
  const buttons = tokens.map((text, i) => el("button", { type: "button", class: "t", onfocus: () => choose(i), onpointerenter: () => choose(i), onclick: () => choose(i) }, visible(text)));
  const { picture, mark } = large(tokens, weights, (row) => choose(row));
  let chosen = -1;

  function choose(row) {
    if (row === chosen) return;
    chosen = row;
    mark(row);
    buttons.forEach((button, k) => {
      button.className = `t s${k <= row ? shade(weights[row][k]) : 0}${k === row ? " chosen" : ""}`;
      button.title = k <= row ? share(weights[row][k]) : "";
      button.setAttribute("aria-pressed", String(k === row));
    });
    const strongest = weights[row].slice(0, row + 1).map((weight, k) => [weight, k]).sort((a, b) => b[0] - a[0]).slice(0, STRONGEST);
    said.replaceChildren("Strongest links of ", el("span", { class: "t" }, visible(tokens[row])), ` (token ${row})`);
    const line = ([weight, k]) => el("tr", {}, el("td", {}, el("span", { class: `t s${shade(weight)}` }, visible(tokens[k]))), el("td", { class: "num" }, String(k)), el("td", { class: "num" }, share(weight)));
    const empty = () => el("tr", { "aria-hidden": "true" }, el("td", {}, "\u00a0"), el("td"), el("td"));
    rows.replaceChildren(...strongest.map(line), ...Array.from({ length: STRONGEST - strongest.length }, empty));
  }

  place.replaceChildren(
    el("p", { class: "panel-title" }, title),
    el("div", { class: "attention-line", role: "group", "aria-label": "tokens" }, ...buttons),
    el("div", { class: "attention-beside" },
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "map" }, picture),
      el("table", { class: "links" }, said, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "key"), el("th", { scope: "col", class: "num" }, "position"), el("th", { scope: "col", class: "num" }, "weight"))), rows)),
  );
  roving(buttons);
  choose(tokens.length - 1);
}

// Shows the head that `data-layer` and `data-head` of `place` number, else the first; tells each choice by an event
// "chosen" with both numbers.
export function show(place, { tokens, layers }) {
  const big = el("div", { class: "attention-head" });
  const maps = [];

  function map(layer, h) {
    const canvas = paint(el("canvas", { class: "pixels" }), layer.heads[h]);
    const button = el("button", { type: "button", class: "map", "aria-label": `${layer.name}, head ${h}`, title: `${layer.name}, head ${h}` }, canvas);
    button.addEventListener("click", () => open(layer, h, button));
    maps.push({ button, canvas, weights: layer.heads[h], layer, h });
    return el("td", {}, button);
  }

  function open(layer, h, button) {
    for (const other of maps) other.button.setAttribute("aria-pressed", String(other.button === button));
    head(big, `${layer.name}, head ${h}`, tokens, layer.heads[h]);
    place.dispatchEvent(new CustomEvent("chosen", { detail: { layer: layers.indexOf(layer), head: h } }));
  }

  const widest = Math.max(...layers.map((layer) => layer.heads.length));
  const table = el("table", { class: "heads" },
    el("caption", {}, "Heads by layer; in each map, rows are queries and columns are keys"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "layer"), ...Array.from({ length: widest }, (_, h) => el("th", { scope: "col" }, String(h))))),
    el("tbody", {}, ...layers.map((layer) => el("tr", {}, el("th", { scope: "row" }, layer.name), ...layer.heads.map((_, h) => map(layer, h))))));
  place.replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "heads" }, table), big);
  roving(maps.map((one) => one.button), widest);
  const first = maps.find(({ layer, h }) => layers.indexOf(layer) === Number(place.dataset.layer) && h === Number(place.dataset.head)) ?? maps[0];
  open(first.layer, first.h, first.button);

  // Another theme has another colour.
  new MutationObserver((_, watcher) => {
    if (!place.isConnected || !maps[0].canvas.isConnected) return watcher.disconnect();
    for (const one of maps) paint(one.canvas, one.weights);
    const chosen = maps.find((one) => one.button.getAttribute("aria-pressed") === "true");
    open(chosen.layer, chosen.h, chosen.button);
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}

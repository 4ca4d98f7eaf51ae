// Feature browser of the single-file export. Labels and tokens are untrusted: they are only ever inserted as text.
"use strict";
const { features, words } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const byIndex = new Map(features.map((f) => [f.i, f]));
const STEP = 200;
let order = features.some((f) => f.score !== null) ? "score" : "i";
let down = order === "score";
let shown = STEP;
let chosen = null;

function make(name, text, className) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}
const visible = (text) => text.replaceAll("\r", "␍").replaceAll("\n", "↵").replaceAll("\t", "⇥") || "∅";
const number = (value) => (value === null ? "" : Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 }));
const often = (d) => (d <= 0 ? "never" : d < 0.5 ? `1 in ${Math.round(1 / d).toLocaleString("en")}` : `${Math.round(d * 100)}% of tokens`);
const shade = (value, largest) => (value > 0 && largest > 0 ? Math.max(1, Math.min(5, Math.round((value / largest) * 5))) : 0);
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [words[flat[2 * i]], flat[2 * i + 1]]);
for (const f of features) f.words = `${f.label} ${pairs(f.tokens).map(([t]) => t).join(" ")}`.toLowerCase();

function token(text, value, largest) {
  const span = make("span", visible(text), `t s${shade(value, largest)}`);
  if (value) span.title = number(value);
  return span;
}

function fits() {
  const asked = byId("q").value.toLowerCase().split(/\s+/).filter(Boolean);
  const low = byId("low").value === "" ? 0 : Number(byId("low").value);
  const high = byId("high").value === "" ? 1 : Number(byId("high").value);
  const labelled = byId("labelled").checked;
  return features.filter((f) => asked.every((w) => f.words.includes(w)) && f.density >= low && f.density <= high && (!labelled || f.label));
}

function before(a, b) {
  const [x, y] = [a[order], b[order]];
  const [noX, noY] = [x === null || x === "", y === null || y === ""];
  if (noX || noY) return noX - noY || a.i - b.i; // missing values come last in both directions
  const sign = typeof x === "string" ? x.localeCompare(y) : x - y;
  return (down ? -sign : sign) || a.i - b.i;
}

function list() {
  const found = fits().sort(before);
  const rows = found.slice(0, shown).map((f) => {
    const row = make("tr");
    if (f.i === chosen) row.setAttribute("aria-current", "true");
    const link = make("a", String(f.i));
    link.href = `#${f.i}`;
    const first = make("td", undefined, "num");
    first.append(link);
    const tops = make("td", undefined, "top-tokens");
    for (const [text, share] of pairs(f.tokens).slice(0, 4)) tops.append(token(text, share, 1), " ");
    row.append(first, make("td", f.label, "label"), make("td", number(f.score), "num"), make("td", often(f.density), "num"), make("td", number(f.max), "num"), tops);
    return row;
  });
  byId("rows").replaceChildren(...rows);
  byId("more").hidden = found.length <= shown;
  byId("count").textContent = `${found.length.toLocaleString("en")} feature${found.length === 1 ? "" : "s"}`;
  for (const button of document.querySelectorAll("[data-order]")) {
    const cell = button.closest("th");
    if (button.dataset.order === order) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
}

function contexts(title, list, largest) {
  if (!list.length) return [];
  const box = make("ol", undefined, "contexts");
  for (const [ids, flat] of list) {
    const values = new Map(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]));
    const item = make("li");
    ids.forEach((id, i) => item.append(token(words[id], values.get(i) ?? 0, largest)));
    box.append(item);
  }
  return [make("h2", title), box];
}

function histogram(f) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", "bars");
  svg.setAttribute("viewBox", "0 0 480 112");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "histogram of the feature's activations, counts on a log scale");
  const first = Math.max(0, f.counts.findIndex((n) => n > 0));
  const counts = f.counts.slice(first);
  const tallest = Math.log1p(Math.max(...counts, 1));
  const width = 480 / counts.length;
  counts.forEach((n, i) => {
    const height = (Math.log1p(n) / tallest) * 88;
    const bar = document.createElementNS(ns, "rect");
    for (const [key, value] of Object.entries({ x: i * width + 1, y: 92 - height, width: Math.max(width - 2, 1), height })) bar.setAttribute(key, value);
    const title = document.createElementNS(ns, "title");
    title.textContent = `${number(f.edges[first + i])} to ${number(f.edges[first + i + 1])}: ${n.toLocaleString("en")} tokens`;
    bar.append(title);
    svg.append(bar);
  });
  for (const [x, anchor, value] of [[0, "start", f.edges[first]], [480, "end", f.edges.at(-1)]]) {
    const label = document.createElementNS(ns, "text");
    for (const [key, of] of Object.entries({ x, y: 108, "text-anchor": anchor })) label.setAttribute(key, of);
    label.textContent = number(value);
    svg.append(label);
  }
  return svg;
}

function column(title, items) {
  const box = make("section");
  const ul = make("ul");
  ul.append(...items.map((parts) => { const li = make("li"); li.append(...parts); return li; }));
  box.append(make("h2", title), items.length ? ul : make("p", "none", "dim"));
  return box;
}

function other([index, value]) {
  const f = byIndex.get(index);
  const name = `${index}${f?.label ? ` ${f.label}` : ""}`;
  const link = make(f ? "a" : "span", name);
  if (f) link.href = `#${index}`;
  return [link, ` ${value.toFixed(2)}`];
}

function show(index) {
  const f = byIndex.get(index);
  if (!f) return;
  chosen = index;
  const largest = Math.max(...pairs([...f.up, ...f.down]).map(([, v]) => Math.abs(v)), 0);
  const logits = (flat) => pairs(flat).map(([text, v]) => [token(text, Math.abs(v), largest), ` ${v > 0 ? "+" : ""}${v.toFixed(2)}`]);
  const facts = [`active on ${often(f.density)}`, `max activation ${number(f.max)}`];
  const measured = (n) => Object.entries({ score: n.score, ...n.scores, precision: n.precision, recall: n.recall, "precision at the top": n.top_precision });
  const names = f.names.map((n) => [[
    n.label, ...measured(n).filter(([, value]) => value !== null).map(([measure, value]) => `${measure} ${number(value)}`),
    `from ${n.source === "truth" ? "ground truth" : n.source}`,
  ].join(", ")]);
  const columns = make("div", undefined, "pairs");
  columns.append(
    column("Top promoted tokens", logits(f.up)), column("Top suppressed tokens", logits(f.down)),
    column("Top tokens by activation mass", pairs(f.tokens).map(([text, share]) => [token(text, share, 1), ` ${(share * 100).toFixed(1)} %`])),
    column("Similar features (cosine)", f.near.map(other)), column("Co-active features (Jaccard)", f.with.map(other)),
  );
  byId("feature").replaceChildren(
    make("h1", f.label ? `${f.label} (${f.i})` : `Feature ${f.i}`), make("p", facts.join(", "), "dim"),
    ...(names.length ? [column("What it stands for", names)] : []),
    ...contexts("Top activating examples", f.top, f.max), ...contexts("Examples by activation quantile", f.some, f.max),
    make("h2", "Activation histogram"), histogram(f), columns,
  );
  byId("feature").scrollTop = 0;
  list();
}

for (const id of ["q", "low", "high", "labelled"]) byId(id).addEventListener("input", () => { shown = STEP; list(); });
document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", () => { shown += STEP; list(); });
for (const button of document.querySelectorAll("[data-order]")) {
  button.addEventListener("click", () => {
    down = order === button.dataset.order ? !down : ["score", "density", "max"].includes(button.dataset.order);
    order = button.dataset.order;
    list();
  });
}
const named = () => (/^#\d+$/.test(location.hash) ? Number(location.hash.slice(1)) : null);
addEventListener("hashchange", () => show(named() ?? chosen));
list();
show(named() ?? fits().sort(before)[0]?.i);

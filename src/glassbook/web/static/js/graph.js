// Force-directed graph of pages and links: nodes repel, links attract, everything is pulled to the centre.
// The layout is computed before it is drawn and is deterministic, so nothing moves while one reads. The wheel (or two
// fingers) zooms, dragging pans, the buttons and the keys + - 0 do the same; kinds of pages can be left out.
import { rooted } from "./api.js";
import { zoomable } from "./zoom.js";

const SVG = "http://www.w3.org/2000/svg";
const ROUNDS = 300;

function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// Places for `count` nodes joined by `links` (pairs of numbers), in a box of the given width and height.
export function layOut(count, links, width, height, centre = -1) {
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  const dx = new Float64Array(count);
  const dy = new Float64Array(count);
  const degree = new Float64Array(count);
  for (const pair of links) for (const i of pair) degree[i] += 1;
  const ideal = 0.8 * Math.sqrt((width * height) / Math.max(count, 1));
  for (let i = 0; i < count; i++) {
    // Sunflower arrangement: even, and the same every time.
    const radius = 0.45 * Math.sqrt((i + 0.5) / count);
    x[i] = width * (0.5 + radius * Math.cos(2.399963 * i));
    y[i] = height * (0.5 + radius * Math.sin(2.399963 * i));
  }
  for (let round = 0; round < ROUNDS; round++) {
    dx.fill(0);
    dy.fill(0);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < i; j++) {
        const ox = x[i] - x[j] || 0.01;
        const oy = y[i] - y[j] || 0.01;
        const push = (ideal * ideal) / (ox * ox + oy * oy);
        dx[i] += ox * push;
        dy[i] += oy * push;
        dx[j] -= ox * push;
        dy[j] -= oy * push;
      }
      dx[i] += (width / 2 - x[i]) * 0.12 * (height / width);
      dy[i] += (height / 2 - y[i]) * 0.12;
    }
    for (const [i, j] of links) {
      const ox = x[i] - x[j];
      const oy = y[i] - y[j];
      // Pages with many links pull less, or all would hang in one knot.
      const pull = Math.hypot(ox, oy) / ideal / Math.sqrt(Math.min(degree[i], degree[j]));
      dx[i] -= ox * pull;
      dy[i] -= oy * pull;
      dx[j] += ox * pull;
      dy[j] += oy * pull;
    }
    const most = 0.1 * Math.min(width, height) * (1 - round / ROUNDS) + 0.5;
    for (let i = 0; i < count; i++) {
      if (i === centre) {
        x[i] = width / 2;
        y[i] = height / 2;
        continue;
      }
      const length = Math.hypot(dx[i], dy[i]) || 1;
      x[i] += (dx[i] / length) * Math.min(length, most);
      y[i] += (dy[i] / length) * Math.min(length, most);
    }
  }
  return { x, y };
}

// Stretches the places to fill the box, with room for labels at the edges.
function fit({ x, y }, width, height, margin) {
  const spread = (values, size, edge) => {
    const low = Math.min(...values);
    const scale = (size - 2 * edge) / (Math.max(...values) - low || 1);
    return values.map((value) => (values.length > 1 ? edge + (value - low) * scale : size / 2));
  };
  return { x: spread(x, width, margin), y: spread(y, height, 32) };
}

// Places of all nodes: those without a link, which nothing holds, stand in rows below the others.
function places(count, pairs, width, height, centre) {
  const linked = [...new Set(pairs.flat())].sort((a, b) => a - b);
  if (centre >= 0 && !linked.includes(centre)) linked.push(centre);
  const alone = Array.from({ length: count }, (_, i) => i).filter((i) => !linked.includes(i));
  const margin = width > 600 ? 80 : 50;
  const across = width > 600 ? 12 : 5;
  const rows = Math.ceil(alone.length / across);
  const room = !linked.length ? height : Math.min(rows * 36, height / 2);
  const number = new Map(linked.map((node, n) => [node, n]));
  const inside = pairs.map(([a, b]) => [number.get(a), number.get(b)]);
  const found = fit(layOut(linked.length, inside, width, height - room, number.get(centre) ?? -1), width, height - room, margin);
  const placed = { x: Array(count), y: Array(count) };
  linked.forEach((node, n) => { [placed.x[node], placed.y[node]] = [found.x[n], found.y[n]]; });
  alone.forEach((node, n) => {
    placed.x[node] = margin + ((n % across) + 0.5) * ((width - 2 * margin) / across);
    placed.y[node] = height - room + (Math.floor(n / across) + 0.7) * (room / rows);
  });
  return placed;
}

const radius = (node) => Math.min(4 + 1.3 * Math.sqrt(node.links), 13);

// Position of each label, and whether it is free of the labels of better linked pages; the others appear on hover.
function labels(nodes, placed, width, page) {
  const out = nodes.map((node, i) => {
    const text = node.title.length > 34 ? `${node.title.slice(0, 32)} …` : node.title;
    const half = 3.3 * text.length + 4;
    const x = Math.max(half, Math.min(width - half, placed.x[i]));
    return { x, y: placed.y[i] - radius(node) - 4, half, text, free: false };
  });
  const rank = (i) => (nodes[i].id === page ? Infinity : nodes[i].links);
  const taken = [];
  for (const i of nodes.map((_, n) => n).sort((a, b) => rank(b) - rank(a))) {
    const mine = out[i];
    const crossed = taken.some((other) => Math.abs(other.x - mine.x) < other.half + mine.half && Math.abs(other.y - mine.y) < 15);
    const covers = nodes.some((node, n) => n !== i && Math.abs(placed.x[n] - mine.x) < mine.half && Math.abs(placed.y[n] - mine.y + 4) < radius(node) + 5);
    mine.free = rank(i) === Infinity || (!crossed && !covers);
    if (mine.free) taken.push(mine);
  }
  return out;
}

function draw(box, { page, nodes, edges }) {
  if (!nodes.length) return;
  const width = Math.max(300, box.clientWidth);
  const height = Math.max(300, box.clientHeight);
  const at = new Map(nodes.map((node, i) => [node.id, i]));
  const pairs = edges.map(([from, to]) => [at.get(from), at.get(to)]).filter(([i, j]) => i !== undefined && j !== undefined && i !== j);
  const placed = places(nodes.length, pairs, width, height, at.get(page) ?? -1);
  const names = labels(nodes, placed, width, page);

  const lines = pairs.map(([i, j]) => svg("line", { x1: placed.x[i], y1: placed.y[i], x2: placed.x[j], y2: placed.y[j] }));
  const links = nodes.map((node, i) => {
    const kind = ["term", "paper", "talk", "session", "project", "note"].includes(node.kind) ? node.kind : "other";
    const { x, y, text, free } = names[i];
    const shown = `${kind} ${free ? "" : "minor"} ${node.id === page ? "centre" : ""}`;
    const circle = svg("circle", { cx: placed.x[i], cy: placed.y[i], r: radius(node) });
    const link = svg("a", { href: rooted(node.url), class: shown, "aria-label": `${node.title}, ${node.kind}` }, circle, svg("text", { x, y }, text));
    const light = (on) => lit(i, on);
    for (const [event, on] of [["pointerenter", true], ["pointerleave", false], ["focus", true], ["blur", false]]) link.addEventListener(event, () => light(on));
    return link;
  });
  const scene = svg("g", {}, svg("g", {}, ...lines), svg("g", {}, ...links));
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "pages and the links between them" }, scene);

  function lit(i, on) {
    picture.classList.toggle("hovering", on);
    links[i].classList.toggle("lit", on);
    pairs.forEach(([a, b], n) => {
      if (a !== i && b !== i) return;
      lines[n].classList.toggle("lit", on);
      links[a === i ? b : a].classList.toggle("lit", on);
    });
  }

  // Nearer, dots and names keep their size, so that names that had no room get some.
  function scaled(scale) {
    const at = { x: placed.x.map((x) => x * scale), y: placed.y.map((y) => y * scale) };
    const inside = labels(nodes, at, width * scale, page);
    links.forEach((link, i) => {
      link.classList.toggle("minor", !inside[i].free);
      const [circle, text] = link.children;
      circle.setAttribute("r", radius(nodes[i]) / scale);
      text.setAttribute("x", inside[i].x / scale);
      text.setAttribute("y", placed.y[i] - (radius(nodes[i]) + 4) / scale);
    });
    picture.style.setProperty("--scale", String(scale));
  }

  box.replaceChildren(picture);
  return zoomable(picture, scene, { width, height, scaled });
}

for (const figure of document.querySelectorAll("[data-graph]")) {
  const box = figure.querySelector("[data-graph-box]");
  const graph = JSON.parse(figure.dataset.graph);
  const filters = [...figure.querySelectorAll("[data-graph-kind]")];
  let waiting;
  let drawn = "";
  let zoom;

  // Draws the chosen kinds, and the page in the middle whatever its kind.
  function redraw() {
    const chosen = new Set(filters.filter((one) => one.checked).map((one) => one.value));
    const nodes = graph.nodes.filter((node) => chosen.has(node.kind) || node.id === graph.page);
    box.replaceChildren();
    zoom = draw(box, { ...graph, nodes });
  }

  for (const filter of filters) filter.addEventListener("change", redraw);
  for (const button of figure.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoom?.[button.dataset.zoom]());
  box.addEventListener("keydown", (event) => {
    const action = { "+": "nearer", "=": "nearer", "-": "farther", 0: "whole" }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zoom?.[action]();
  });
  new ResizeObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const size = `${box.clientWidth} ${box.clientHeight}`;
      if (size !== drawn) redraw();
      drawn = size;
    }, drawn ? 200 : 0);
  }).observe(box);
}

// Vega-Lite charts in the colours of the current theme, drawn when they scroll into view. How they are read (values at a
// crosshair, zoom) is in chart_reading.js, what is done with them (downloads, keeping) in chart_menu.js.
import { el, rooted } from "./api.js";

let loading;
function vega() {
  loading ??= import(rooted("/static/vega.js")).then(() => window.vegaEmbed);
  return loading;
}

// For a white page, as downloads are.
export const ON_WHITE = { "--ink": "#1f1d1a", "--soft": "#5b574f", "--rule": "#d9d4c8", "--accent": "#1b5666", "--sans": "sans-serif" };

// `narrow`: there is no room for a legend beside the chart.
function colours(narrow, palette) {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => palette?.[name] ?? style.getPropertyValue(name).trim();
  const text = { labelColor: of("--soft"), titleColor: of("--soft"), labelFont: of("--sans"), titleFont: of("--sans") };
  return {
    background: palette ? "#ffffff" : null,
    font: of("--sans"),
    axis: { ...text, gridColor: of("--rule"), domainColor: of("--rule"), tickColor: of("--rule"), titleFontWeight: 500 },
    legend: { ...text, labelLimit: 280, ...(narrow ? { orient: "bottom", columns: 2 } : {}) },
    header: text,
    title: { color: of("--ink"), font: of("--sans"), fontWeight: 600 },
    text: { color: of("--ink") },
    rule: { color: of("--soft") },
    view: { stroke: null },
    mark: { color: of("--accent") },
    range: { category: ["#2a7f95", "#c8641b", "#4c8f4f", "#9a5fb5", "#b8860b", "#7d7d7d", "#c2456b", "#5b7bd5"] },
  };
}

const INSIDE = ["layer", "spec", "hconcat", "vconcat", "concat"];

// Calls `visit` with a spec and all specs inside; gives the spec of what it returns.
function mapped(spec, visit) {
  if (Array.isArray(spec)) return spec.map((part) => mapped(part, visit));
  if (!spec || typeof spec !== "object") return spec;
  const inside = Object.fromEntries(INSIDE.filter((name) => name in spec).map((name) => [name, mapped(spec[name], visit)]));
  return visit({ ...spec, ...inside });
}

// The tables of rows that a spec draws, each once, without those whose rows are all in another.
export function tables(spec) {
  const found = [];
  mapped(spec, (part) => {
    const rows = part.data?.values ?? part.datasets?.[part.data?.name];
    if (Array.isArray(rows)) found.push(rows);
    return part;
  });
  for (const rows of Object.values(spec.datasets ?? {})) if (!found.includes(rows)) found.push(rows);
  const texts = found.map((rows) => new Set(rows.map((row) => JSON.stringify(row))));
  const covered = (i) => texts.some((other, j) => j !== i && (other.size > texts[i].size || (other.size === texts[i].size && j < i)) && [...texts[i]].every((row) => other.has(row)));
  return found.filter((_, i) => !covered(i));
}

// The spec with the axes cut to the domains of `zoom`: {x: [from, to], y: [from, to]}, either of which may be missing.
function zoomed(spec, zoom) {
  if (!zoom) return spec;
  return mapped(spec, (part) => {
    if (!part.encoding || !part.mark) return part;
    const encoding = { ...part.encoding };
    for (const name of ["x", "y"]) {
      const channel = encoding[name];
      if (zoom[name] && channel && ["quantitative", "temporal"].includes(channel.type)) encoding[name] = { ...channel, scale: { ...channel.scale, domain: zoom[name], nice: false, zero: false } };
    }
    const mark = typeof part.mark === "string" ? { type: part.mark } : part.mark;
    return { ...part, encoding, mark: { ...mark, clip: true } };
  });
}

// The spec with values to read at its lines, if nothing in it says what is to be told.
function told(spec) {
  let says = false;
  mapped(spec, (part) => {
    says ||= part.encoding?.tooltip !== undefined || part.mark?.tooltip !== undefined;
    return part;
  });
  if (says) return spec;
  return mapped(spec, (part) => {
    const mark = typeof part.mark === "string" ? { type: part.mark } : part.mark;
    return mark ? { ...part, mark: { ...mark, tooltip: true } } : part;
  });
}

const MOST_COLOURS = 40;

// The spec in one colour and without a legend where colours would have to tell more things apart than anybody can.
function legible(spec) {
  const rows = tables(spec).flat();
  return mapped(spec, (part) => {
    const { color, ...encoding } = part.encoding ?? {};
    if (color?.type !== "nominal" || !color.field) return part;
    const field = color.field.replace(/\\(.)/g, "$1");
    return new Set(rows.map((row) => row[field])).size > MOST_COLOURS ? { ...part, encoding: { ...encoding, detail: { field: color.field, type: "nominal" } } } : part;
  });
}

// The spec as wide as its box; small charts side by side only where there is room.
function fitted(spec, width) {
  if (INSIDE.slice(1).some((name) => name in spec) || "repeat" in spec) return spec;
  if (spec.encoding?.facet && typeof spec.width === "number") {
    const columns = Math.max(1, Math.min(spec.encoding.facet.columns ?? 2, Math.floor(width / 220)));
    return { ...spec, width: Math.min(spec.width, Math.floor(width / columns) - 70), encoding: { ...spec.encoding, facet: { ...spec.encoding.facet, columns } } };
  }
  return spec.width ? spec : { ...spec, width: Math.max(200, width - 40), height: spec.height ?? 240, autosize: { type: "fit", contains: "padding" } };
}

// Options of an axis on which all rows have one value: a tick for it, for Vega's own would be a rounded one.
export function oneValue(rows, field) {
  const values = new Set(rows.map((row) => row[field]).filter((value) => value !== null));
  return values.size === 1 ? { values: [...values], format: ".6~g" } : {};
}

const shown = new Map(); // box -> its chart

export class Chart {
  constructor(box, name) {
    this.box = box;
    this.name = name;
    this.zoom = null;
    this.turn = 0;
    this.reading = null;
  }

  // Draws into a box; `palette` in place of the theme's colours.
  async embed(box, spec, palette) {
    const embed = await vega();
    const width = this.box.clientWidth;
    // `ast` makes Vega read expressions with its interpreter: the page's policy allows no code made from text.
    // Its style sheets are inline, which the policy forbids as well; book.css has what is needed of them.
    const options = { ast: true, actions: false, renderer: "svg", config: colours(width < 420, palette), defaultStyle: false };
    const tooltip = (_, event, item, value) => this.reading?.told(event, item, value);
    return (await embed(box, fitted(zoomed(told(legible(spec)), this.zoom), width), { ...options, tooltip })).view;
  }

  async paint() {
    const turn = ++this.turn;
    this.reading?.hide();
    const rows = tables(this.spec);
    if (rows.length && rows.every((table) => !table.length)) return this.say("This chart has no points.");
    this.box.classList.remove("words");
    const view = await this.embed(this.box, this.spec);
    if (turn !== this.turn) return view.finalize(); // it was drawn again meanwhile
    this.view?.finalize();
    this.view = view;
    const [{ Reading }, { menu }] = await Promise.all([import("./chart_reading.js"), import("./chart_menu.js")]);
    this.reading ??= new Reading(this);
    this.reading.forget();
    menu(this);
  }

  // Words in place of the picture.
  say(text) {
    this.view?.finalize();
    this.view = null;
    this.box.classList.add("words");
    this.box.replaceChildren(el("p", { class: "dim" }, text));
    this.box.closest("figure")?.querySelector(".chart-menu")?.remove();
  }

  async zoomTo(zoom) {
    this.zoom = zoom;
    await this.paint();
  }

  // New rows for the one table of the spec.
  async update(rows) {
    this.spec = { ...this.spec, data: { ...this.spec.data, values: rows } };
    if (!this.view) return this.paint();
    await this.view.data(this.spec.data.name, rows).resize().runAsync();
    this.reading.forget();
  }
}

// Draws a spec into a box, in place of what is there; `name` is what downloads are called. Gives the chart.
export async function draw(box, spec, name = "chart") {
  const chart = shown.get(box) ?? new Chart(box, name);
  shown.set(box, chart);
  chart.spec = spec;
  await chart.paint();
  return chart;
}

async function show(figure) {
  const box = figure.querySelector(".chart-box");
  try {
    const answer = await fetch(rooted(figure.dataset.chart));
    if (!answer.ok) throw new Error((await answer.json()).error);
    await draw(box, await answer.json(), figure.dataset.name ?? "chart");
  } catch (error) {
    box.textContent = `This chart cannot be drawn: ${error.message}`;
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    show(entry.target);
  }
}, { rootMargin: "300px" });

export function watchCharts(root = document) {
  for (const figure of root.querySelectorAll("figure[data-chart]")) seen.observe(figure);
}

// Another theme has other colours.
function repaint() {
  for (const [box, chart] of shown) {
    if (!box.isConnected) shown.delete(box);
    else if (chart.view) chart.paint();
  }
}
new MutationObserver((changes) => {
  if (changes.some((change) => change.attributeName === "data-theme")) repaint();
}).observe(document.documentElement, { attributes: true });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);


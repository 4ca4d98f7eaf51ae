// Vega-Lite charts, drawn when they scroll into view, in the colours of the current theme.
import { rooted } from "./api.js";

let loading;
function vega() {
  loading ??= import(rooted("/static/vega.js")).then(() => window.vegaEmbed);
  return loading;
}

// `narrow`: there is no room for a legend beside the chart.
function colours(narrow) {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const text = { labelColor: of("--soft"), titleColor: of("--soft"), labelFont: of("--sans"), titleFont: of("--sans") };
  return {
    background: null,
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

// Draws a spec into a box; returns the view.
export async function draw(box, spec) {
  const embed = await vega();
  const single = !("hconcat" in spec || "vconcat" in spec || "concat" in spec || "facet" in spec || "repeat" in spec);
  const fitted = single && !spec.width ? { ...spec, width: Math.max(200, box.clientWidth - 40), height: spec.height ?? 240, autosize: { type: "fit", contains: "padding" } } : spec;
  // `ast` makes Vega read expressions with its interpreter: the page's policy allows no code made from text.
  // Its style sheets are inline, which the policy forbids as well; book.css has what is needed of them.
  const plain = { defaultStyle: false, tooltip: { disableDefaultStyle: true } };
  const drawn = await embed(box, fitted, { ast: true, actions: false, renderer: "svg", config: colours(box.clientWidth < 420), ...plain });
  return drawn.view;
}

async function show(figure) {
  const box = figure.querySelector(".chart-box");
  try {
    const answer = await fetch(rooted(figure.dataset.chart));
    if (!answer.ok) throw new Error((await answer.json()).error);
    await draw(box, await answer.json());
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

new MutationObserver((changes) => {
  if (changes.some((change) => change.attributeName === "data-theme")) watchCharts();
}).observe(document.documentElement, { attributes: true });

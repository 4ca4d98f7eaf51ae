// Metric curves as small multiples: a panel for each metric, a line for each run, drawn when scrolled into view. Lines can
// be smoothed, and the runs of one experiment with the same settings drawn as their mean in a band (curve_values.js).
import { ask, el, number } from "./api.js";
import { draw, oneValue } from "./charts.js";
import { bands, smoothed } from "./curve_values.js";

const COLOURS = ["#2a7f95", "#c8641b", "#4c8f4f", "#9a5fb5", "#b8860b", "#7d7d7d", "#c2456b", "#5b7bd5", "#8a6a4f", "#2f9e8f", "#d08a8a", "#6d6fbf"];
const MOST = 4000; // points of a curve before it is requested again, thinned

function spec(rows, lines, { log, band }, metric) {
  const scale = log ? { type: "log" } : { zero: false };
  const y = (field) => ({ field, type: "quantitative", title: null, axis: { tickCount: 4, minExtent: 36, ...(field === "value" ? oneValue(rows, field) : {}) }, scale });
  const x = { field: "step", type: "quantitative", title: null, axis: { tickCount: 4, format: "~s" } };
  // One legend stands above all panels.
  const color = lines.length > 1 ? { color: { field: "run", type: "nominal", legend: null, scale: { domain: lines, range: COLOURS } } } : {};
  const tooltip = [
    ...(lines.length > 1 ? [{ field: "run", title: " " }] : []),
    { field: "step", title: "step", type: "quantitative", format: "," },
    { field: "value", title: band ? "mean" : metric, type: "quantitative", format: ".4~g" },
    ...(band ? [{ field: "low", title: "lowest", format: ".4~g" }, { field: "high", title: "highest", format: ".4~g" }] : []),
  ];
  const layer = [{ mark: { type: "line", strokeWidth: 1.5, clip: true, point: rows.length > 0 && lone(rows) }, encoding: { x, y: y("value"), ...color, tooltip } }];
  if (band) layer.unshift({ mark: { type: "area", opacity: 0.2, clip: true, tooltip: null }, encoding: { x, y: y("low"), y2: { field: "high" }, ...color } });
  else if (rows.some((row) => "raw" in row)) layer.unshift({ mark: { type: "line", strokeWidth: 1, opacity: 0.25, clip: true, tooltip: null }, encoding: { x, y: y("raw"), ...color } });
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    data: { name: "points", values: log ? rows.filter((row) => row.value === null || (row.value > 0 && !(row.low <= 0))) : rows },
    height: 150,
    layer,
  };
}

// Names of the lines: a run each, or a group each.
const namesOf = (runs, { band }) => (band ? [...new Set(runs.map((run) => run.group))] : runs.map((run) => run.label));

// Whether a line has one point only, which would not be seen.
function lone(rows) {
  const counts = new Map();
  for (const { run } of rows) counts.set(run, (counts.get(run) ?? 0) + 1);
  return [...counts.values()].includes(1);
}

class Panel {
  constructor(metric, runs) {
    this.metric = metric;
    this.runs = runs;
    this.points = new Map(runs.map((run) => [run.id, []]));
    this.shown = false;
    this.box = el("div", { class: "panel-box", role: "img", "aria-label": `${metric} by step` });
    this.node = el("figure", { class: "panel" }, el("figcaption", {}, metric), this.box);
  }

  async fetch(run) {
    const known = this.points.get(run.id);
    const again = !known.length || known.length > MOST;
    const query = new URLSearchParams({ names: this.metric });
    if (!again) query.set("after_step", known.at(-1).step);
    const { metrics } = await ask(`/api/v1/runs/${encodeURIComponent(run.id)}/metrics?${query}`);
    const curve = metrics[this.metric];
    const fresh = curve.steps.map((step, i) => ({ step, value: curve.values[i], run: run.label }));
    this.points.set(run.id, again ? fresh : known.concat(fresh));
    return again || fresh.length > 0;
  }

  rows({ smooth, band }) {
    const curves = this.runs.map((run) => ({ run, points: smoothed(this.points.get(run.id), smooth) }));
    return band ? bands(curves.map(({ run, points }) => ({ group: run.group, points }))) : curves.flatMap(({ points }) => points);
  }

  spec(options) {
    return spec(this.rows(options), namesOf(this.runs, options), options, this.metric);
  }

  async update(options) {
    const changed = await Promise.all(this.runs.map((run) => this.fetch(run)));
    if (!this.chart || !changed.some(Boolean)) return;
    if (this.chart.view) await this.chart.update(this.spec(options).data.values);
    else await this.show(options);
  }

  async show(options) {
    this.shown = true;
    const drawn = this.spec(options);
    const values = drawn.data.values.filter((row) => row.value !== null);
    this.chart = await draw(this.box, drawn, this.metric);
    // One value needs no frame.
    if (values.length === 1) this.chart.say(`${number(values[0].value)} at step ${number(values[0].step)}`);
  }
}

// Fills `section`; returns {add(runs, metrics), update()}.
export function curves(section) {
  const panels = new Map();
  const place = section.querySelector("[data-panels]");
  const control = (name) => section.querySelector(`[data-${name}]`);
  let runs = JSON.parse(section.dataset.curves);
  const options = () => ({ log: control("log").checked, smooth: Number(control("smooth").value), band: control("band")?.checked ?? false });

  async function appear(panel) {
    try {
      await panel.update(options());
      await panel.show(options());
    } catch (error) {
      panel.box.textContent = `This curve cannot be drawn: ${error.message}`;
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      appear(panels.get(entry.target.dataset.metric));
    }
  }, { rootMargin: "200px" });

  function add(given, metrics) {
    if (given.length) runs = given;
    section.hidden = !panels.size && !metrics.length && section.dataset.wait === undefined;
    for (const metric of metrics) {
      if (panels.has(metric)) continue;
      const panel = new Panel(metric, runs);
      panels.set(metric, panel);
      panel.node.dataset.metric = metric;
      place.append(panel.node);
      seen.observe(panel.node);
    }
  }

  const legend = el("ul", { class: "legend" });
  function showLegend() {
    legend.replaceChildren(...namesOf(runs, options()).map((name, i) => {
      const colour = el("span", { class: "colour" });
      colour.style.backgroundColor = COLOURS[i % COLOURS.length];
      return el("li", {}, colour, name);
    }));
  }
  if (runs.length > 1) {
    place.before(legend);
    showLegend();
  }
  for (const name of ["log", "smooth", "band"])
    control(name)?.addEventListener("input", () => {
      showLegend();
      for (const panel of panels.values()) if (panel.shown) panel.show(options());
    });
  add(runs, JSON.parse(section.dataset.metrics));
  return {
    add,
    update: () => Promise.all([...panels.values()].filter((panel) => panel.shown).map((panel) => panel.update(options()))),
  };
}

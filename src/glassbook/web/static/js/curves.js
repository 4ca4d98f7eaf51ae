// Metric curves as small multiples: a panel for each metric, a line for each run, drawn when scrolled into view.
import { ask, el } from "./api.js";
import { draw } from "./charts.js";

const COLOURS = ["#2a7f95", "#c8641b", "#4c8f4f", "#9a5fb5", "#b8860b", "#7d7d7d", "#c2456b", "#5b7bd5", "#8a6a4f", "#2f9e8f", "#d08a8a", "#6d6fbf"];
const MOST = 4000; // points of a curve before it is requested again, thinned

function spec(rows, runs, log) {
  const values = { field: "value", type: "quantitative", title: null, axis: { tickCount: 4, minExtent: 36 }, scale: log ? { type: "log" } : { zero: false } };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    data: { name: "points", values: rows },
    transform: log ? [{ filter: "datum.value === null || datum.value > 0" }] : [],
    height: 150,
    mark: { type: "line", strokeWidth: 1.5, clip: true, tooltip: true },
    encoding: {
      x: { field: "step", type: "quantitative", title: null, axis: { tickCount: 4, format: "~s" } },
      y: values,
      // One legend stands above all panels.
      ...(runs.length > 1 && { color: { field: "run", type: "nominal", legend: null, scale: { domain: runs.map((run) => run.label), range: COLOURS } } }),
    },
  };
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

  get rows() {
    return [...this.points.values()].flat();
  }

  async update() {
    const changed = await Promise.all(this.runs.map((run) => this.fetch(run)));
    if (this.view && changed.some(Boolean)) await this.view.data("points", this.rows).resize().runAsync();
  }

  async show(log) {
    this.shown = true;
    this.view?.finalize();
    this.view = null;
    this.view = await draw(this.box, spec(this.rows, this.runs, log));
  }
}

// Fills `section`; returns {add(runs, metrics), update()}.
export function curves(section) {
  const panels = new Map();
  const place = section.querySelector("[data-panels]");
  const log = section.querySelector("[data-log]");
  let runs = JSON.parse(section.dataset.curves);

  async function appear(panel) {
    try {
      await panel.update();
      await panel.show(log.checked);
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

  if (runs.length > 1) {
    const keys = runs.map((run, i) => {
      const colour = el("span", { class: "colour" });
      colour.style.backgroundColor = COLOURS[i % COLOURS.length];
      return el("li", {}, colour, run.label);
    });
    place.before(el("ul", { class: "legend" }, ...keys));
  }
  log.addEventListener("change", () => {
    for (const panel of panels.values()) if (panel.shown) panel.show(log.checked);
  });
  add(runs, JSON.parse(section.dataset.metrics));
  return {
    add,
    update: () => Promise.all([...panels.values()].filter((panel) => panel.shown).map((panel) => panel.update())),
  };
}

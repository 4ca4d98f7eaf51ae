// Scatter plot of two numbers of every run, with the Pareto front; each point links to its run.
import { rooted } from "./api.js";
import { draw, oneValue } from "./charts.js";

// Columns that span powers of ten.
const COSTS = ["flop", "flop_total", "seconds"];
const figure = document.querySelector("[data-pareto]");
if (figure) {
  const { x, y, minimise, points } = JSON.parse(figure.dataset.pareto);
  const rows = points.map((point) => ({ ...point, href: rooted(`/runs/${encodeURIComponent(point.run)}`), name: `${point.experiment}, seed ${point.seed}`, where: point.front ? "Pareto front" : "dominated" }));
  const axis = (field, title) => ({ field, type: "quantitative", title, scale: { zero: false, ...(COSTS.includes(title) && rows.every((row) => row[field] > 0) ? { type: "log" } : {}) }, axis: { tickCount: 8, labelOverlap: true, ...(title.startsWith("flop") ? { format: "~e" } : {}), ...oneValue(rows, field) } });
  const encoding = { x: axis("x", x), y: axis("y", y) };
  const colour = { field: "where", type: "nominal", title: null, scale: { domain: ["Pareto front", "dominated"], range: ["#c8641b", "#7d8c92"] }, legend: { orient: "top" } };
  const tooltip = [{ field: "name", title: "run" }, { field: "x", title: x }, { field: "y", title: y }, { field: "settings", title: "settings" }];
  draw(figure.querySelector(".chart-box"), {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    data: { values: rows },
    height: 340,
    layer: [
      { transform: [{ filter: "datum.front" }], mark: { type: "line", interpolate: minimise.includes("x") ? "step-after" : "step-before", color: "#c8641b", strokeWidth: 1.2, opacity: 0.7 }, encoding },
      { mark: { type: "point", filled: true, size: 60, cursor: "pointer" }, encoding: { ...encoding, color: colour, opacity: { condition: { test: "datum.settings === 'default'", value: 1 }, value: 0.35 }, href: { field: "href" }, tooltip } },
    ],
  });
}

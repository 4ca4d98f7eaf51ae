// The menu of a chart: zoom, downloads of the picture and of its rows, a link to it, and keeping it on a page.
import { el, rooted, say } from "./api.js";
import { ON_WHITE, tables } from "./charts.js";

function save(name, blob) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function field(value) {
  const text = value == null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The rows as comma-separated values; a chart of several tables has the columns of all of them.
function csv(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return [columns, ...rows.map((row) => columns.map((name) => row[name]))].map((line) => line.map(field).join(",")).join("\r\n");
}

// The chart as it is shown, on white, as on paper.
async function onWhite(chart, use) {
  const view = await chart.embed(el("div"), chart.spec, ON_WHITE);
  try {
    return await use(view);
  } finally {
    view.finalize();
  }
}

const DOWNLOADS = {
  SVG: async (chart) => new Blob([await onWhite(chart, (view) => view.toSVG())], { type: "image/svg+xml" }),
  PNG: (chart) => onWhite(chart, async (view) => {
    const canvas = await view.toCanvas(2);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }),
  CSV: async (chart) => new Blob([csv(tables(chart.spec).flat())], { type: "text/csv" }),
  JSON: async (chart) => new Blob([JSON.stringify(tables(chart.spec).flat(), null, 1)], { type: "application/json" }),
};

const ZOOM = { "Zoom in": (chart) => chart.reading.scale(2), "Zoom out": (chart) => chart.reading.scale(0.5), "Whole chart": (chart) => chart.zoomTo(null) };

// Puts the menu beside a drawn chart, once; it stands outside the box, which is a picture to those who hear the page.
export function menu(chart) {
  const figure = chart.box.closest("figure");
  if (!figure || figure.querySelector(".chart-menu")) return;
  const button = (text, action) => el("button", { type: "button", class: "quiet small", onclick: () => Promise.resolve(action(chart)).catch((error) => say(error.message)) }, text);
  const download = (kind) => button(kind, async () => save(`${chart.name.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.${kind.toLowerCase()}`, await DOWNLOADS[kind](chart)));
  const zoom = chart.reading.canZoom() ? [el("p", {}, ...Object.entries(ZOOM).map(([text, action]) => button(text, action))), el("p", { class: "dim" }, "or drag a frame; a double click shows the whole")] : [];
  const { keep } = figure.dataset;
  // These are answered by app.js, like those elsewhere.
  const kept = keep ? [el("p", {}, el("button", { type: "button", class: "quiet small", "data-keep-on": keep }, "Keep on a page"), el("button", { type: "button", class: "quiet small", "data-copy-link": rooted(figure.dataset.link) }, "Copy link"))] : [];
  const details = el("details", { class: "chart-menu" },
    el("summary", { "aria-label": `${chart.name}: zoom and download`, title: "zoom and download" }, "⋯"),
    el("div", {}, ...zoom, el("p", {}, ...Object.keys(DOWNLOADS).map(download)), ...kept));
  figure.prepend(details);
}

// A menu closes when something else is pressed.
document.addEventListener("pointerdown", (event) => {
  for (const open of document.querySelectorAll(".chart-menu[open]")) if (!open.contains(event.target)) open.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector(".chart-menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

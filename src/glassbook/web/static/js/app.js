// Loaded by every page: search box, command palette, keyboard shortcuts, theme switch, menu on phones, charts, and the buttons of live blocks.
import { ask, el, rooted, say } from "./api.js";
import { watchCharts } from "./charts.js";
import { findBox } from "./find.js";
import { openPalette } from "./palette.js";
import { stepAll } from "./steps.js";

const find = document.querySelector("[data-find]");
findBox(find);
watchCharts();
stepAll();

const menu = document.querySelector("[data-menu]");
menu.addEventListener("click", () => {
  const open = document.getElementById(menu.getAttribute("aria-controls")).classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});

document.querySelector("[data-theme-switch]").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("glassbook-theme", root.dataset.theme);
});

const keys = document.querySelector("[data-keys-dialog]");
document.querySelector("[data-keys]").addEventListener("click", () => keys.showModal());

const places = { h: "/", g: "/glossary", t: "/timeline", x: "/experiments", r: "/runs", c: "/claims", j: "/jobs", m: "/models", f: "/features", s: "/steer", k: "/compute" };
let going = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const button = (event.target.closest("form, [data-panel]") ?? document).querySelector("[data-do]");
    if (button) {
      event.preventDefault();
      button.click();
    }
    return;
  }
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && !event.defaultPrevented) {
    event.preventDefault();
    return openPalette();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  const soon = Date.now() - going < 1200;
  going = 0;
  if (soon && places[event.key]) location.href = rooted(places[event.key]);
  else if (event.key === "g") going = Date.now();
  else if (event.key === "/") find.focus();
  else if (event.key === "?") keys.showModal();
  else if (event.key === "n") location.href = rooted("/new");
  else if (event.key === "e") document.querySelector("[data-edit]")?.click();
  else return;
  event.preventDefault();
});

// The "Run" button of an experiment's live block: queues a job with the default settings.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-run-experiment]");
  if (!button) return;
  const run = async (again) => {
    const answer = await ask("/api/v1/jobs", { method: "POST", body: { experiment: button.dataset.runExperiment, again } });
    if (answer.job) return (location.href = rooted(`/jobs/${answer.job.id}`));
    const { answered } = await import("./answered.js");
    return button.after(el("span", { role: "status" }, ...answered(answer, () => run(true).catch((error) => say(error.message)))));
  };
  button.disabled = true;
  try {
    await run(false);
  } catch (error) {
    say(error.message);
    button.disabled = false;
  }
});

// Panels inside pages (steering, attention, logit lens): their code is loaded when the button is pressed.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-panel-ask]");
  if (!button) return;
  const panel = button.closest("[data-panel]");
  button.disabled = true;
  try {
    const { answer } = await import("./panels.js");
    await answer(panel.dataset.panel, JSON.parse(panel.dataset.settings), panel.querySelector("[data-panel-answer]"));
  } catch (error) {
    say(error.message);
  }
  button.disabled = false;
});

// "Keep on a page" and "Copy link" of what stands beside them; the scripts of a page fill in what they know alone.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-keep-on], [data-copy-link]");
  if (!button) return;
  const { keep, copyLink } = await import("./keep.js");
  if (button.dataset.keepOn) keep(JSON.parse(button.dataset.keepOn));
  else copyLink(button.dataset.copyLink || location.href);
});

// Steps of learning paths, on pages and on the cover.
document.addEventListener("change", async (event) => {
  if (event.target.matches("[data-step]")) (await import("./learning_path.js")).mark(event.target);
});

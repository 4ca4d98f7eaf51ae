// Table of runs (filters, selection for comparison) and the curves of a run's page.
import { ask } from "./api.js";
import { curves } from "./curves.js";
import { onChange } from "./events.js";

const filters = document.querySelector("[data-filters]");
filters?.addEventListener("change", (event) => {
  if (event.target.matches("select")) filters.requestSubmit();
});

const form = document.querySelector("[data-compare]");
if (form) {
  const status = form.querySelector("[data-chosen]");
  const count = () => {
    const n = form.querySelectorAll("[name=run]:checked").length;
    status.textContent = n === 0 ? "" : n === 1 ? "1 selected; select another" : n > 12 ? `${n} selected; 12 at most` : `${n} selected`;
    form.querySelector("button").disabled = n < 2 || n > 12;
  };
  form.addEventListener("change", count);
  new MutationObserver(count).observe(form.querySelector("table"), { childList: true });
  count();
}

const run = document.querySelector("[data-run]");
if (run) {
  const shown = curves(run.querySelector("[data-curves]"));
  let busy = false;
  onChange(async () => {
    if (busy || document.hidden || run.dataset.status !== "running") return;
    busy = true;
    try {
      const { names, status } = await ask(`/api/v1/runs/${encodeURIComponent(run.dataset.run)}/metrics?points=2`);
      shown.add([], names);
      await shown.update();
      run.dataset.status = status;
    } finally {
      busy = false;
    }
  });
}

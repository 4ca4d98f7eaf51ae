// Claims page: one job for each missing seed by the "Run missing seeds" buttons; all experiments folded or unfolded.
import { ask, say } from "./api.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-missing]");
  if (!button) return;
  button.disabled = true;
  try {
    const { jobs } = await ask(`/api/v1/claims/${encodeURIComponent(button.dataset.missing)}/missing`, { method: "POST" });
    say(jobs.length ? `${jobs.length} job${jobs.length > 1 ? "s" : ""} in the queue` : "no seeds are missing");
  } catch (error) {
    say(error.message);
  }
  button.disabled = false;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  const folds = [...document.querySelectorAll("details.claims")];
  const open = folds.some((one) => !one.open);
  for (const one of folds) one.open = open;
  button.textContent = open ? "Fold all" : "Unfold all";
});

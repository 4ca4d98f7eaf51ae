// The "Run missing seeds" buttons of the claims page: one job for each missing seed.
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

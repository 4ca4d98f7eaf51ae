// Job page: follows the state, the log and the run's curves while the job waits and runs.
import { ask, rooted, say } from "./api.js";
import { curves } from "./curves.js";
import { onChange } from "./events.js";
import { refresh } from "./live.js";

const page = document.querySelector("[data-job]");
const id = page.dataset.job;
const log = page.querySelector("[data-job-log]");
const shown = curves(page.querySelector("[data-curves]"));
const KEPT = 200_000; // characters of the log that stay on the page
let at = -1;
let text = "";
let busy = false;

// What a terminal would show: colours left out, and of a line that was written over only the last writing.
function plain(raw) {
  return raw.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, "");
}

async function readLog() {
  for (;;) {
    const answer = await ask(`/api/v1/jobs/${id}/log?after=${at}`);
    if (answer.next < at) text = "";
    at = answer.next;
    if (!answer.text) return;
    const follow = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    text = (text + answer.text).slice(-KEPT);
    log.textContent = plain(text);
    if (follow) log.scrollTop = log.scrollHeight;
    if (at >= answer.size) return;
  }
}

async function update() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const job = await ask(`/api/v1/jobs/${id}`);
    await Promise.all([readLog(), refresh()]);
    if (job.run) {
      const { names } = await ask(`/api/v1/runs/${encodeURIComponent(job.run)}/metrics?points=2`);
      shown.add([{ id: job.run, label: `seed ${job.seed}` }], names);
      await shown.update();
    }
    page.dataset.over = String(!["queued", "running"].includes(job.state));
  } catch (error) {
    if (error.status) say(error.message); // without a status the server is away, and comes back or does not
  } finally {
    busy = false;
  }
}

page.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  const focused = document.activeElement === button; // a button that is disabled loses it
  button.disabled = true;
  try {
    const { job } = await ask(`/api/v1/jobs/${id}/${button.dataset.act}`, { method: "POST" });
    if (String(job.id) !== id) location.href = rooted(`/jobs/${job.id}`);
    page.dataset.over = "false";
  } catch (error) {
    say(error.message);
  }
  await update();
  button.disabled = false;
  if (focused) document.getElementById(button.id)?.focus({ preventScroll: true });
});

onChange(() => page.dataset.over === "false" && update());
// The log and the curves grow without the notebook changing.
setInterval(() => page.dataset.over === "false" && update(), 1500);
document.addEventListener("visibilitychange", update);
update();

// Check boxes of learning paths: a step that is ticked is saved in the text of its page.
import { ask, el, rebase, say } from "./api.js";

export async function mark(box) {
  const place = box.closest("[data-path]");
  const { step: text, level, number } = box.dataset;
  const done = box.checked;
  box.disabled = true;
  try {
    if (place.closest("[data-preview]")) throw new Error("save the page first; then its steps can be marked");
    const body = { path: place.dataset.path, level: Number(level), step: Number(number), text, done, cover: "pathView" in place.dataset };
    const { html, current } = await ask("/api/v1/paths/step", { method: "POST", body });
    const now = el("div");
    now.innerHTML = html; // a template of the server
    rebase(now);
    const next = now.firstElementChild;
    if (!next) return place.replaceChildren(el("p", {}, `${place.dataset.path} is finished.`));
    const open = [...place.querySelectorAll("details")].map((level) => level.open);
    next.querySelectorAll("details").forEach((level, i) => (level.open ||= open[i]));
    place.replaceWith(next);
    (next.querySelector(`[data-level="${level}"][data-number="${number}"]`) ?? next.querySelector("input"))?.focus();
    if (current === null) say(`${body.path} is finished`);
  } catch (error) {
    box.checked = !done;
    box.disabled = false;
    say(error.message);
  }
}

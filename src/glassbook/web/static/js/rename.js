// Rename of a page: the form, then every line that would change, then the renaming itself.
import { ask, el, rooted } from "./api.js";

const form = document.querySelector("[data-rename]");
const status = document.querySelector("[data-status]");
const changes = document.querySelector("[data-changes]");
let agreed = null;

function tell(text, bad = false) {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

const wanted = () => ({ page: form.dataset.rename, title: form.elements.title.value, id: form.elements.id.value, keep_names: form.elements.keep.checked });

function table(change) {
  const rows = change.lines.map(({ line, before, after }) => el("tr", {}, el("td", {}, el("del", {}, before), el("ins", {}, after)), el("td", { class: "num dim" }, `line ${line}`)));
  const lines = rows.length ? el("table", { class: "line-changes" }, el("tbody", {}, ...rows)) : el("p", { class: "dim" }, "only its front matter");
  return el("section", {}, el("h3", {}, change.title), el("p", { class: "dim" }, change.path), lines);
}

async function preview() {
  tell("");
  changes.hidden = true;
  const body = wanted();
  try {
    const plan = await ask("/api/v1/rename/preview", { method: "POST", body });
    agreed = { ...body, digest: plan.digest };
    const n = plan.others.length;
    const links = n ? `Links in ${n} other page${n === 1 ? "" : "s"} change.` : "No other page links to it by a name that changes.";
    const aliases = plan.aliases.length ? ` It is also called ${plan.aliases.join(", ")}.` : "";
    changes.querySelector("[data-changes-said]").textContent = links + aliases;
    changes.querySelector("[data-changes-list]").replaceChildren(...[plan.page, ...plan.others].map(table));
    changes.hidden = false;
    changes.querySelector("h2").focus();
  } catch (error) {
    tell(error.message, true);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  preview();
});
form.addEventListener("input", () => (changes.hidden = true)); // what is shown is no longer what is wanted

changes.querySelector("[data-agree]").addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    const renamed = await ask("/api/v1/rename", { method: "POST", body: agreed });
    location.href = rooted(renamed.url);
  } catch (error) {
    tell(`not renamed: ${error.message}`, true);
  }
  event.target.disabled = false;
});

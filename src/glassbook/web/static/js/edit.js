// Page editor: text and preview side by side; unsaved text is stored in the browser as a draft.
import { ask, el, rebase, rooted } from "./api.js";
import { watchCharts } from "./charts.js";
import { complete } from "./completion.js";
import { showConflict } from "./conflict.js";
import { Draft } from "./draft.js";
import { takePictures } from "./pictures.js";
import { stepAll } from "./steps.js";
import { wikilinks } from "./wikilinks.js";
import { blocksAndKeys, helpPanel } from "./writing_help.js";

const form = document.querySelector("[data-editor]");
const area = form.elements.text;
const preview = form.querySelector("[data-preview]");
const status = form.querySelector("[data-status]");
const id = form.dataset.id;
const edited = `${form.dataset.book}:${location.pathname}`;
const earlier = Draft.all(edited);
const draft = Draft.ofTab(edited);
const state = { base: form.dataset.sha, saved: area.value, gone: false, leaving: false };

function tell(text, bad = false) {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

const isNew = () => !id || state.gone;
const unsaved = () => area.value !== state.saved || (!id && form.elements.title.value !== form.elements.title.defaultValue);

// --- preview ---

let waiting;
let asking;
let took = 0;

async function show() {
  asking?.abort();
  asking = new AbortController();
  const begun = performance.now();
  try {
    const seen = await ask("/api/v1/preview", { method: "POST", body: { body: area.value, id }, signal: asking.signal });
    took = performance.now() - begun;
    preview.innerHTML = seen.html; // made safe by the server, as pages are
    rebase(preview);
    preview.prepend(el("h1", {}, (!id && form.elements.title.value) || seen.title));
    watchCharts(preview);
    stepAll(preview);
    follow();
    if (seen.problem) tell(`front matter: ${seen.problem}`, true);
    else if (status.textContent.startsWith("front matter:")) tell("");
  } catch (error) {
    if (error.name !== "AbortError") tell(`no preview: ${error.message}`, true);
  }
}

function showSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(show, Math.max(120, 1.5 * took)); // long pages less often
}

// The preview scrolls with the text, by the part of it that is above.
function follow() {
  const reach = area.scrollHeight - area.clientHeight;
  if (reach > 0) preview.scrollTop = (area.scrollTop / reach) * (preview.scrollHeight - preview.clientHeight);
}
area.addEventListener("scroll", () => requestAnimationFrame(follow), { passive: true });

// --- drafts ---

let keeping;
function keep() {
  clearTimeout(keeping);
  if (state.leaving) return;
  if (!unsaved()) return draft.drop();
  const kept = draft.write({ text: area.value, base: state.base, title: form.elements.title?.value, kind: form.elements.kind?.value });
  if (!kept) tell("the browser's storage is full, so unsaved text is not backed up; save soon", true);
}

form.addEventListener("input", () => {
  showSoon();
  clearTimeout(keeping);
  keeping = setTimeout(keep, 300);
});
addEventListener("pagehide", () => unsaved() && keep());
addEventListener("beforeunload", (event) => {
  if (unsaved() && !state.leaving) event.preventDefault();
});

const offer = form.querySelector("[data-offer]");
const differs = ({ text, title }) => text !== area.value || (!id && title !== form.elements.title.value);
const left = earlier.filter((one) => differs(one.read()));
const taken = earlier.filter((one) => !left.includes(one)); // what they hold is in the text; they go when it is saved
let offered;
let old;
function offerNext() {
  offered = left.shift();
  old = offered?.read();
  offer.hidden = !old;
  if (!old) return;
  const more = left.length ? `, and ${left.length} more` : "";
  form.querySelector("[data-offer-said]").textContent = `There is an unsaved draft from ${new Date(old.time).toLocaleString()}${more}.`;
}
offerNext();
form.querySelector("[data-offer-take]").addEventListener("click", () => {
  taken.push(offered);
  area.value = old.text;
  if (id) state.base = old.base; // if the file has changed since, saving says so
  else Object.assign(form.elements.title, { value: old.title }), Object.assign(form.elements.kind, { value: old.kind });
  offer.hidden = true;
  area.focus();
  showSoon();
});
form.querySelector("[data-offer-drop]").addEventListener("click", () => {
  offered.drop();
  offerNext();
  area.focus();
});

// --- saving ---

function leave(url) {
  state.leaving = true;
  for (const one of [draft, ...taken]) one.drop();
  location.href = rooted(url);
}

async function save() {
  keep();
  const button = form.querySelector("[data-do]");
  button.disabled = true;
  tell("saving …");
  try {
    const saved = isNew()
      ? await ask("/api/v1/pages", { method: "POST", body: { text: area.value, title: form.elements.title?.value ?? "", kind: form.elements.kind?.value ?? "" } })
      : await ask(`/api/v1/pages/${path(id)}`, { method: "PUT", body: { text: area.value, base: state.base } });
    leave(saved.url);
  } catch (error) {
    if (error.status === 409 && error.data?.mine !== undefined) conflict(error.data);
    else tell(`not saved: ${error.message} (your text stays here and in this browser)`, true);
  }
  button.disabled = false;
}

const path = (name) => name.split("/").map(encodeURIComponent).join("/");

function conflict(both) {
  if (both.theirs === null) {
    state.gone = true;
    return tell(both.error, true);
  }
  tell("not saved: the page was changed elsewhere", true);
  showConflict(form.querySelector("[data-conflict]"), both, (choice) => {
    state.base = both.sha;
    if (choice === "mine") return save();
    state.saved = both.theirs.replace(/\r\n?/g, "\n");
    area.value = choice === "theirs" ? both.theirs : both.merged;
    tell(choice === "theirs" ? "this is the saved version; yours is stored beside it" : "both versions are in the text, between conflict markers; merge them, then save");
    keep();
    show();
    area.focus();
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (id || form.reportValidity()) save();
});

const dialog = document.querySelector("[data-delete-dialog]");
form.querySelector("[data-delete]")?.addEventListener("click", () => dialog.showModal());
dialog.addEventListener("close", async () => {
  if (dialog.returnValue !== "delete") return;
  try {
    await ask(`/api/v1/pages/${path(id)}?base=${encodeURIComponent(state.base)}`, { method: "DELETE" });
    leave("/pages");
  } catch (error) {
    tell(`not deleted: ${error.message}`, true);
  }
});

complete(area, [wikilinks, blocksAndKeys(JSON.parse(form.dataset.offered))]);
helpPanel(form, area);
takePictures(area, form.elements.picture, () => ({ page: isNew() ? "" : id, kind: form.elements.kind?.value ?? "note" }), tell);
show();
if (!id && !form.elements.title.value) form.elements.title.focus();

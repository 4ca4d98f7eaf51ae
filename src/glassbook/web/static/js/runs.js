// Tables of runs (filters; what is selected is compared, tagged or archived) and a run's page: its curves, note and tags.
import { ask, rooted, say } from "./api.js";
import { curves } from "./curves.js";
import { Draft } from "./draft.js";
import { onChange } from "./events.js";
import { refresh } from "./live.js";

const annotate = (run, body) => ask(`/api/v1/runs/${encodeURIComponent(run)}/annotations`, { method: "PATCH", body });

const filters = document.querySelector("[data-filters]");
filters?.addEventListener("change", (event) => {
  if (event.target.matches("select")) filters.requestSubmit();
});

const form = document.querySelector("[data-compare]");
if (form) {
  const status = form.querySelector("[data-chosen]");
  // A folded table comes when it is opened.
  async function fill(group) {
    if (!group.open || group.querySelector("table") || group.hasAttribute("aria-busy")) return;
    group.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(rooted(group.dataset.opened));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = [...page.querySelectorAll("[data-group]")].find((one) => one.dataset.group === group.dataset.group);
      if (fresh?.querySelector("table")) group.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    } catch (error) {
      say(error.message);
    }
    group.removeAttribute("aria-busy");
  }
  const fillAll = () => form.querySelectorAll("[data-group][open]").forEach(fill);
  form.addEventListener("toggle", (event) => event.target.matches("[data-group]") && fill(event.target), true);
  new MutationObserver(fillAll).observe(form.querySelector("#runs-table"), { childList: true });
  const selected = () => [...form.querySelectorAll("[name=run]:checked")];
  const marks = [...form.querySelectorAll("[data-mark]")];
  const newTag = form.querySelector("[data-new-tag]");
  const count = () => {
    const n = selected().length;
    status.textContent = n === 0 ? "" : n > 12 ? `${n} selected; at most 12 can be compared` : `${n} selected`;
    form.querySelector("[data-do]").disabled = n < 2 || n > 12;
    for (const button of marks) button.disabled = !n;
  };
  form.addEventListener("change", count);
  new MutationObserver(count).observe(form.querySelector("#runs-table"), { childList: true, subtree: true });
  count();

  async function mark(what) {
    const tag = newTag.value.trim();
    if (what === "tag" && !tag) return newTag.focus();
    const runs = selected();
    const body = what === "tag" ? { tag: [tag] } : { archived: what === "archive" };
    try {
      for (const box of runs) {
        await annotate(box.value, body);
        box.checked = false;
      }
      say(`${what === "tag" ? `Tagged “${tag}”` : what === "archive" ? "Archived" : "Restored"}: ${runs.length} run${runs.length > 1 ? "s" : ""}`);
    } catch (error) {
      say(error.message);
    }
    await refresh();
    count();
  }
  for (const button of marks) button.addEventListener("click", () => mark(button.dataset.mark));
  // Enter in the field of the tag adds it; it would compare the runs.
  newTag.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    mark("tag");
  });
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

const annotations = document.querySelector(".annotations");
if (annotations && annotations.querySelector("[data-annotated]")) {
  const said = annotations.querySelector("[data-annotated]");
  const note = annotations.querySelector("[data-note-form]");
  const edit = annotations.querySelector("[data-note-edit]");
  const archive = annotations.querySelector("[data-archive]");
  const text = note.elements.note;
  let before = text.value; // the note that an edit begins with
  const edited = `note:${run.dataset.run}`;
  const earlier = Draft.all(edited); // of tabs that were closed, or are open beside this one
  const draft = Draft.ofTab(edited);
  let taken; // the one of them that the text began with

  async function change(body) {
    said.className = "dim";
    said.textContent = "";
    try {
      const now = await annotate(run.dataset.run, body);
      await refresh();
      edit.textContent = now.note ? "Change the note" : "Add a note";
      archive.textContent = now.archived ? "Restore" : "Archive";
      archive.dataset.archive = String(!now.archived);
      return now;
    } catch (error) {
      if (error.status === 409 && error.data?.theirs !== undefined) await conflict(error.data.theirs);
      else {
        said.className = "error-line";
        said.textContent = error.message;
      }
      return null;
    }
  }

  function open(on) {
    note.hidden = !on;
    edit.setAttribute("aria-expanded", String(on));
    if (on) text.focus();
  }

  function keep() {
    if (text.value === before) draft.drop();
    else draft.write({ text: text.value, base: before });
  }

  // What the note says now is shown above the form; with it seen, saving again takes the place of it.
  async function conflict(theirs) {
    before = theirs;
    keep();
    await refresh();
    const now = theirs ? "above is what it says now, below is still yours" : "it was removed, and yours is still below";
    said.className = "error-line";
    said.textContent = `not saved: this note was changed elsewhere; ${now}: change it, then save it again (both are kept in .glassbook/conflicts)`;
  }

  function drop() {
    draft.drop();
    taken?.drop();
  }

  // Begin with the next text that was not saved; whether there is one.
  function restore() {
    taken = earlier.shift();
    const old = taken?.read();
    if (!taken) return false;
    if (!old || old.text === text.value) return taken.drop(), restore();
    text.value = old.text;
    before = old.base; // if the note has changed since, saving says so
    note.hidden = false;
    edit.setAttribute("aria-expanded", "true");
    said.textContent = "the note below is not saved yet";
    return true;
  }

  restore();
  text.addEventListener("input", keep);
  note.querySelector("[data-note-discard]").addEventListener("click", () => {
    before = text.value = annotations.querySelector(".run-note")?.textContent ?? "";
    drop();
    said.textContent = "";
    if (restore()) return text.focus();
    open(false);
    edit.focus();
  });
  edit.addEventListener("click", () => open(note.hidden));
  note.addEventListener("submit", async (event) => {
    event.preventDefault();
    const now = await change({ note: text.value, instead_of: before });
    if (!now) return;
    before = text.value = now.note;
    drop();
    open(false);
    edit.focus();
  });
  annotations.querySelector("[data-add-tag]").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { tag } = event.target.elements;
    if (await change({ tag: [tag.value] })) tag.value = "";
  });
  annotations.addEventListener("click", (event) => {
    const tag = event.target.closest("[data-untag]")?.dataset.untag;
    if (tag !== undefined) change({ untag: [tag] });
  });
  archive.addEventListener("click", () => change({ archived: archive.dataset.archive === "true" }));
}

// Search as you type: a text field with a list of what was found, used by the masthead's search box and the palette.
import { ask, el, rooted } from "./api.js";

// What the notebook holds of `text`: names first, then what has its words, also misspelt ones.
export async function findInNotebook(text, signal) {
  if (!text) return [];
  const { found } = await ask(`/api/v1/find?q=${encodeURIComponent(text)}`, { signal });
  return found.map((one) => ({ ...one, href: rooted(one.url), kind: one.near ? `${one.kind}, similar spelling` : one.kind }));
}

// The last entry of a list: all results, on a page of their own.
export const allResults = (text) => ({ title: `Search everything for “${text}”`, kind: "Enter", hint: "", href: rooted(`/search?q=${encodeURIComponent(text)}`) });

let lists = 0;

// Makes `input` a combobox over `list`. `entries(text, signal)` gives what is shown at once or promises it (or both, in
// an array of such): {title, kind, hint, href} or {title, kind, hint, act}. With `first` the first entry is chosen.
export function combobox(input, list, entries, { first = false, left = () => {} } = {}) {
  const prefix = `found-${lists++}-`;
  let shown = [];
  let chosen = -1;
  let moved = false; // whether a key chose
  let asking;
  let answering = Promise.resolve();

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    chosen = -1;
  }

  function choose(index) {
    const options = [...list.children];
    if (!options.length) return;
    chosen = (index + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    input.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  }

  function show(found) {
    const before = moved ? shown[chosen] : undefined;
    shown = found;
    list.replaceChildren(
      ...found.map((one, i) =>
        el("li", { role: "option", id: prefix + i, "aria-selected": "false" },
          el("span", { class: "found-title" }, one.title), " ", el("span", { class: "found-kind" }, one.kind),
          ...(one.hint ? [el("span", { class: "found-hint" }, one.hint)] : [])),
      ),
    );
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
    const again = before ? found.findIndex((one) => one.href === before.href && one.title === before.title) : -1;
    chosen = -1;
    if (again > 0 || first) choose(Math.max(again, 0));
  }

  function update() {
    asking?.abort();
    moved = false;
    asking = new AbortController();
    const { signal } = asking;
    const parts = entries(input.value.trim(), signal);
    const ready = parts.filter((part) => Array.isArray(part)).flat();
    if (ready.length === 0 && parts.length === 0) return close();
    if (first) show(ready);
    answering = Promise.all(parts).then(
      (all) => signal.aborted || show(all.flat()),
      (error) => error.name === "AbortError" || show(ready),
    );
  }

  function go(one) {
    if (!one) return;
    left();
    if (one.act) one.act();
    else location.href = one.href;
  }

  input.addEventListener("input", update);
  input.addEventListener("keydown", async (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      moved = true;
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && (chosen >= 0 || first)) {
      event.preventDefault();
      if (first && chosen < 1) await answering; // Enter can come before the results of the last letters: wait for them
      go(shown[Math.max(chosen, 0)]);
    } else if (event.key === "Escape" && !list.hidden && !first) close();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (option) go(shown[[...list.children].indexOf(option)]);
  });
  if (!first) input.addEventListener("blur", close);
  return { update };
}

export function findBox(input) {
  const list = document.getElementById(input.getAttribute("aria-controls"));
  combobox(input, list, (text, signal) => (text ? [findInNotebook(text, signal), [allResults(text)]] : []));
}

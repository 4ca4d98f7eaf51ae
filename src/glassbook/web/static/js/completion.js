// Completion in the editor: a list at the caret to choose from by keyboard or pointer. What is offered comes from sources.
import { el } from "./api.js";

// The line with the caret up to the caret, and all before it; null while something is selected.
export function atCaret(area) {
  if (area.selectionStart !== area.selectionEnd) return null;
  const before = area.value.slice(0, area.selectionStart);
  return { before, line: before.slice(before.lastIndexOf("\n") + 1) };
}

// Where the caret is, relative to the field: a hidden copy of the text tells.
function caret(area) {
  const copy = el("div", { "aria-hidden": "true" }, area.value.slice(0, area.selectionStart));
  const style = getComputedStyle(area);
  for (const name of ["font", "lineHeight", "padding", "border", "letterSpacing", "tabSize"]) copy.style[name] = style[name];
  Object.assign(copy.style, { position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word", width: `${area.clientWidth}px`, boxSizing: "border-box" });
  const end = el("span", {}, "\u200b");
  copy.append(end);
  area.parentElement.append(copy);
  const at = { left: end.offsetLeft, top: end.offsetTop + end.offsetHeight - area.scrollTop, height: end.offsetHeight };
  copy.remove();
  return at;
}

// Each source is {typed, find, finish}: `typed(area)` gives what has been typed of a name, or null where the source has
// nothing to offer; `find(name, signal)` the suggestions, each {text, title, hint}; `finish(area, text)` what is written.
export function complete(area, sources) {
  const list = document.getElementById(area.getAttribute("aria-controls"));
  let chosen = 0;
  let asking;
  let source;

  function close() {
    asking?.abort();
    list.hidden = true;
    area.removeAttribute("aria-activedescendant");
  }

  function choose(index) {
    const options = [...list.children];
    chosen = (index + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    area.setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  }

  function take(option) {
    const from = area.selectionStart - (source.typed(area) ?? "").length;
    source.finish(area, option.dataset.text, from);
    close();
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function update() {
    asking?.abort();
    source = sources.find((each) => each.typed(area) !== null);
    const name = source?.typed(area);
    if (!source || (source.begun && !name.trim())) return close();
    asking = new AbortController();
    try {
      const suggestions = await source.find(name, asking.signal);
      if (source.typed(area) !== name || !suggestions.length || (suggestions.length === 1 && suggestions[0].text === name)) return close();
      list.replaceChildren(...suggestions.map((s, i) => el("li", { role: "option", id: `link-${i}`, "data-text": s.text }, s.title, " ", el("span", { class: "dim" }, s.hint))));
      const at = caret(area);
      list.hidden = false;
      // Above the line where there is no room below it.
      const top = area.offsetTop + Math.min(at.top, area.clientHeight) + 4;
      const low = area.getBoundingClientRect().top - area.offsetTop + top + list.offsetHeight > innerHeight;
      list.style.top = `${low ? Math.max(0, top - list.offsetHeight - at.height - 8) : top}px`;
      list.style.left = `${Math.min(at.left, Math.max(0, area.clientWidth - 280))}px`;
      choose(0);
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  area.addEventListener("input", update);
  area.addEventListener("click", close);
  area.addEventListener("blur", () => setTimeout(close, 150));
  area.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) take(list.children[chosen]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("li");
    if (!option) return;
    event.preventDefault();
    take(option);
  });
}

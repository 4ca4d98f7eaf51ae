// Wikilink completion in the editor: after `[[`, a list of pages to choose from by keyboard or pointer.
import { ask, el } from "./api.js";

// What is being typed after the last "[[" of the line, or null outside of a link.
function typed(area) {
  if (area.selectionStart !== area.selectionEnd) return null;
  const line = area.value.slice(0, area.selectionStart).split("\n").pop();
  const open = line.lastIndexOf("[[");
  if (open < 0) return null;
  const name = line.slice(open + 2);
  return /[\]|#]/.test(name) ? null : name;
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
  const at = { left: end.offsetLeft, top: end.offsetTop + end.offsetHeight - area.scrollTop };
  copy.remove();
  return at;
}

export function completeLinks(area) {
  const list = document.getElementById(area.getAttribute("aria-controls"));
  let chosen = 0;
  let asking;

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
    const from = area.selectionStart - (typed(area) ?? "").length;
    const closed = area.value.startsWith("]]", area.selectionStart);
    area.setRangeText(option.dataset.link + (closed ? "" : "]]"), from, area.selectionStart, "end");
    if (closed) area.setSelectionRange(area.selectionStart + 2, area.selectionStart + 2);
    close();
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async function update() {
    const name = typed(area);
    if (!name?.trim()) return close();
    asking?.abort();
    asking = new AbortController();
    try {
      const { suggestions } = await ask(`/api/v1/complete?kind=page&q=${encodeURIComponent(name)}`, { signal: asking.signal });
      if (typed(area) !== name || !suggestions.length) return close();
      list.replaceChildren(
        ...suggestions.map((s, i) => el("li", { role: "option", id: `link-${i}`, "data-link": s.link }, s.title, " ", el("span", { class: "dim" }, s.hint))),
      );
      const at = caret(area);
      list.style.top = `${area.offsetTop + Math.min(at.top, area.clientHeight) + 4}px`;
      list.style.left = `${Math.min(at.left, Math.max(0, area.clientWidth - 280))}px`;
      list.hidden = false;
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

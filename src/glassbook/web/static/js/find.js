// Search box of the masthead: suggests names of pages, tags and experiments as you type (/api/v1/complete).
import { ask, el, rooted } from "./api.js";

export function findBox(input) {
  const list = document.getElementById(input.getAttribute("aria-controls"));
  let chosen = -1;
  let asking;

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

  async function update() {
    asking?.abort();
    const text = input.value.trim();
    if (!text) return close();
    asking = new AbortController();
    try {
      const { suggestions } = await ask(`/api/v1/complete?q=${encodeURIComponent(text)}`, { signal: asking.signal });
      list.replaceChildren(
        ...suggestions.map((s, i) =>
          el("li", { role: "option", id: `found-${i}`, "aria-selected": "false", "data-href": rooted(s.url) },
            s.title, " ", el("span", { class: "dim" }, s.hint || s.kind)),
        ),
      );
      list.hidden = !suggestions.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      chosen = -1;
    } catch (error) {
      if (error.name !== "AbortError") close();
    }
  }

  input.addEventListener("input", update);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.href = list.children[chosen].dataset.href;
    } else if (event.key === "Escape") close();
  });
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("li");
    if (option) location.href = option.dataset.href;
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
}

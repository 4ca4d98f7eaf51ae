// Semantic search on the search page: the embedding model is used only when the button is pressed.
import { ask, el, say } from "./api.js";

const button = document.querySelector("[data-by-meaning]");
const place = document.querySelector("[data-meant]");
const words = document.getElementById("q");

function row(near) {
  const heading = near.heading && near.heading !== near.title ? el("span", { class: "dim" }, ` § ${near.heading}`) : "";
  return el("li", {}, el("a", { class: "where", href: near.url }, near.title), heading, el("p", {}, near.text));
}

button.addEventListener("click", async () => {
  const q = words.value.trim();
  if (!q) return words.focus();
  button.disabled = true;
  place.replaceChildren(el("p", { class: "dim" }, "Searching … the first search embeds every page."));
  try {
    const { found } = await ask("/api/v1/search/meaning", { method: "POST", body: { q } });
    const rows = found.length ? el("ol", {}, ...found.map(row)) : el("p", {}, "No pages to search yet.");
    place.replaceChildren(el("h2", {}, "By meaning"), rows);
  } catch (error) {
    place.replaceChildren();
    say(error.message);
  }
  button.disabled = false;
});

// Semantic search on the search page: the embedding model is used only when the button is pressed.
import { ask, el, rooted, say } from "./api.js";

const button = document.querySelector("[data-semantic]");
const place = document.querySelector("[data-semantic-results]");
const words = document.getElementById("q");

function row(match) {
  const heading = match.heading && match.heading !== match.title ? el("span", { class: "dim" }, ` § ${match.heading}`) : "";
  return el("li", {}, el("a", { class: "where", href: rooted(match.url) }, match.title), heading, el("p", {}, match.text));
}

button.addEventListener("click", async () => {
  const q = words.value.trim();
  if (!q) return words.focus();
  button.disabled = true;
  place.replaceChildren(el("p", { class: "dim" }, "Searching … the first search embeds every page."));
  try {
    const { found } = await ask("/api/v1/search/semantic", { method: "POST", body: { q } });
    const rows = found.length ? el("ol", {}, ...found.map(row)) : el("p", {}, "No pages to search yet.");
    place.replaceChildren(el("h2", {}, "Semantic search"), rows);
  } catch (error) {
    place.replaceChildren();
    say(error.message);
  }
  button.disabled = false;
});

// Search by meaning: the model is asked only when somebody presses the button.
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
  place.replaceChildren(el("p", { class: "dim" }, "Reading; the first time, every page is read …"));
  try {
    const { found } = await ask("/api/v1/search/meaning", { method: "POST", body: { q } });
    const rows = found.length ? el("ol", {}, ...found.map(row)) : el("p", {}, "No page says anything yet.");
    place.replaceChildren(el("h2", {}, "By meaning"), rows);
  } catch (error) {
    place.replaceChildren();
    say(error.message);
  }
  button.disabled = false;
});

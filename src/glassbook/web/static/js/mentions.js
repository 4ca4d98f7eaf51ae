// Unlinked mentions in the margin of a page: looked for when they are opened, made links one by one.
import { ask, el, rooted, say } from "./api.js";

const place = document.querySelector("[data-unlinked]");
const list = place?.querySelector("[data-unlinked-list]");
const path = (name) => name.split("/").map(encodeURIComponent).join("/");

function entry(page) {
  const first = page.places[0];
  const more = page.places.length > 1 ? el("span", { class: "dim" }, ` and ${page.places.length - 1} more`) : "";
  const button = el("button", { type: "button", class: "quiet", "aria-label": `Link in ${page.title}`, onclick: () => link(page, first, button) }, "Link");
  return el("li", {}, el("a", { href: rooted(page.url) }, page.title), " ", button, el("span", { class: "mention-text" }, first.text), more);
}

async function link(page, at, button) {
  button.disabled = true;
  try {
    const made = await ask("/api/v1/mentions", { method: "POST", body: { page: place.dataset.unlinked, source: page.id, sha: page.sha, number: at.number } });
    say(`${page.title} now says ${made.link}`);
    button.replaceWith(el("span", { class: "dim" }, "linked"));
  } catch (error) {
    say(error.message);
    look();
  }
}

async function look() {
  list.textContent = "looking \u2026";
  try {
    const { pages } = await ask(`/api/v1/mentions/${path(place.dataset.unlinked)}`);
    list.replaceChildren(pages.length ? el("ul", {}, ...pages.map(entry)) : el("p", {}, "No other page names this one without a link."));
    list.scrollIntoView({ block: "nearest" });
  } catch (error) {
    list.textContent = error.message;
  }
}

place?.addEventListener("toggle", () => place.open && look());

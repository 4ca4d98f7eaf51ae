// Previews of links: the first sentence of the page, or the whole source of a citation, while a link is pointed at or
// focused by keyboard. Escape closes it; the pointer may move onto it.
import { ask, el, rebase, rooted } from "./api.js";

const WAIT = 350; // milliseconds: passing over a link shows nothing
const card = el("div", { class: "glimpse", id: "glimpse", role: "tooltip", hidden: true });
document.body.append(card);
const seen = new Map();
let link = null;
let timer;

async function fetched(path) {
  const { title, kind, level, html } = await ask(`/api/v1/glimpse/${path}`);
  const text = el("div");
  text.innerHTML = html; // made safe by the server, as pages are
  rebase(text);
  return [el("p", { class: "glimpse-title" }, title), el("p", { class: "dim" }, level === null ? kind : `${kind}, level ${level}`), ...text.childNodes];
}

function source(id) {
  return [...(document.getElementById(id)?.cloneNode(true).childNodes ?? [])];
}

async function content(target) {
  const address = new URL(target.href);
  if (target.matches(".cite")) return source(address.hash.slice(1));
  const path = address.pathname.slice(rooted("/p/").length);
  if (!seen.has(path)) seen.set(path, fetched(path).catch(() => []));
  return (await seen.get(path)).map((node) => node.cloneNode(true));
}

async function show(target) {
  link = target;
  const nodes = await content(target);
  if (link !== target || !nodes.length) return;
  card.replaceChildren(...nodes);
  card.hidden = false;
  const at = (target.getClientRects()[0] ?? target.getBoundingClientRect());
  const below = at.bottom + 6 + card.offsetHeight < innerHeight || at.top < card.offsetHeight + 6;
  card.style.left = `${Math.max(8, Math.min(at.left, document.documentElement.clientWidth - card.offsetWidth - 8)) + scrollX}px`;
  card.style.top = `${(below ? at.bottom + 6 : at.top - card.offsetHeight - 6) + scrollY}px`;
  target.setAttribute("aria-describedby", card.id);
}

function close() {
  clearTimeout(timer);
  link?.removeAttribute("aria-describedby");
  link = null;
  card.hidden = true;
}

const worth = (target) => {
  const found = target.closest?.("main .prose a[href]");
  if (!found) return null;
  const address = new URL(found.href);
  const page = address.pathname.startsWith(rooted("/p/")) && !found.closest("header, .embed-from") && address.pathname !== location.pathname;
  return address.origin === location.origin && (page || found.matches(".cite")) ? found : null;
};

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch" || card.contains(event.target)) return clearTimeout(timer);
  const target = worth(event.target);
  if (target && target === link) return clearTimeout(timer);
  clearTimeout(timer);
  timer = setTimeout(target ? () => (close(), show(target)) : close, WAIT);
});
document.addEventListener("focusin", (event) => {
  const target = event.target.matches?.(":focus-visible") ? worth(event.target) : null;
  if (target) close(), show(target);
  else if (!card.contains(event.target)) close();
});
document.addEventListener("keydown", (event) => event.key === "Escape" && close());

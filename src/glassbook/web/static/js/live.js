// Self-updating parts of a page: when something changed, the page is fetched again and every element with
// `data-live` takes over its new content. Checked boxes, open details and the focus stay as they were.
import { watchCharts } from "./charts.js";
import { onChange } from "./events.js";
import { stepAll } from "./steps.js";

const PAUSE = 1500;
const texts = new Map();

function parts(root) {
  return [...root.querySelectorAll("[data-live][id]")];
}

function swap(old, fresh) {
  if (texts.get(old.id) === fresh.innerHTML) return;
  texts.set(old.id, fresh.innerHTML);
  const ticked = new Set([...old.querySelectorAll("input[type=checkbox]:checked")].map((box) => `${box.name}=${box.value}`));
  const open = [...old.querySelectorAll("details")].map((details) => details.open);
  const focus = old.contains(document.activeElement) ? document.activeElement : null;
  const href = focus?.getAttribute("href");
  old.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
  for (const box of old.querySelectorAll("input[type=checkbox]")) if (ticked.has(`${box.name}=${box.value}`)) box.checked = true;
  old.querySelectorAll("details").forEach((details, i) => (details.open = open[i] ?? details.open));
  if (focus) {
    const again = focus.id ? document.getElementById(focus.id) : [...old.querySelectorAll("a, input")].find((one) => (href ? one.getAttribute("href") === href : one.value === focus.value));
    again?.focus({ preventScroll: true });
  }
  watchCharts(old);
  stepAll(old);
}

// Asks for the page again and puts what is new in its place.
export async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of parts(document)) {
    const fresh = page.getElementById(old.id);
    if (fresh) swap(old, fresh);
  }
}

let waiting = false;
let last = 0;
export function refreshSoon() {
  if (waiting || document.hidden) return;
  waiting = true;
  setTimeout(async () => {
    waiting = false;
    last = Date.now();
    await refresh().catch(() => {}); // the server is away: the next change tells when it is back
  }, Math.max(0, PAUSE - (Date.now() - last)));
}

for (const part of parts(document)) texts.set(part.id, part.innerHTML);
let known;
onChange((change) => {
  const now = `${change.notebook} ${change.jobs}`;
  // The first message after connecting only says where things stand.
  if (known !== undefined && known !== now) refreshSoon();
  known = now;
});

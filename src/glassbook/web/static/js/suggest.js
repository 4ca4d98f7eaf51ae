// Suggestions of the server in the list of a field while one types.
import { ask, el } from "./api.js";

let lists = 0;
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Fills a datalist with the elements that `options(text)` gives; only the newest request counts.
export function suggest(input, list, options) {
  let turn = 0;
  list.id ||= `suggest-${lists++}`;
  input.setAttribute("list", list.id);
  input.addEventListener("input", async () => {
    const mine = ++turn;
    await wait(150);
    if (mine !== turn || !input.value.trim()) return;
    const found = await options(input.value.trim()).catch(() => []);
    if (mine === turn) list.replaceChildren(...found);
  });
}

// Titles of pages.
export function suggestPages(input, list) {
  suggest(input, list, async (text) => {
    const { suggestions } = await ask(`/api/v1/complete?q=${encodeURIComponent(text)}`);
    return suggestions.filter((one) => one.kind === "page").map((one) => el("option", { value: one.title }));
  });
}

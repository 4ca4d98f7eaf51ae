// Model page: architecture, generation, attention, lenses and tokens; each button shows its answer below itself.
// The address keeps the prompts, the attention head with its layer, and the lens; opening such an address shows them.
import { ask, el, number, rooted } from "./api.js";
import { answer, waiting } from "./panels.js";
import { showSites } from "./sites.js";
import { streamed, written } from "./streamed.js";
import { visible } from "./tokens.js";

const page = document.querySelector(".model-page");
const { model } = page.dataset;
const address = new URLSearchParams(location.search);

// Puts values into the address; null takes one out.
function note(changes) {
  for (const [key, value] of Object.entries({ model, ...changes })) value == null ? address.delete(key) : address.set(key, value);
  history.replaceState(null, "", rooted(`/models/open?${address}`));
}

async function busy(button, place, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (!place.textContent) place.textContent = error.message;
  }
  button.disabled = false;
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

// What was proved by running the model, and why the rest was not.
function tested(checks) {
  const proved = checks.filter((check) => check.proved).length;
  return el("details", { open: proved < checks.length },
    el("summary", {}, `Self-test: ${proved} of ${checks.length} proved by running it`),
    el("ul", {}, ...checks.map((check) => el("li", {}, check.proved ? `proved: ${check.name}` : `not proved: ${check.name} (${check.reason})`))));
}

function showOpened(place, { parameters, vocab, context, blocks, sites, checks, chat }) {
  const asChat = page.querySelector("[data-chat]");
  asChat.hidden = !chat;
  asChat.firstElementChild.checked = Boolean(chat); // what such a model is for
  const known = Object.entries({ parameters, vocabulary: vocab, context, blocks: blocks.length }).filter(([, value]) => value != null);
  place.replaceChildren(el("dl", { class: "results" }, ...known.map(([name, value]) => fact(name, number(value)))), tested(checks), showSites(sites, blocks));
}

const opening = page.querySelector("[data-open]");
const open = opening.querySelector("button");
open.addEventListener("click", () => {
  const place = page.querySelector("[data-panel=open] [data-answer]");
  opening.hidden = true;
  return busy(open, place, async () => {
    try {
      showOpened(place, await waiting(place, ask("/api/v1/models/open", { method: "POST", body: { model } })));
    } catch (error) {
      opening.hidden = false;
      throw error;
    }
  });
});

const sample = document.querySelector("[data-ask=sample]");
sample.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(sample));
  const body = { model, prompt: given.prompt, chat: "chat" in given, tokens: Number(given.tokens), temperature: Number(given.temperature), seed: Number(given.seed) };
  const place = sample.querySelector("[data-answer]");
  note({ write: given.prompt });
  const before = body.chat ? `${body.prompt}\n` : body.prompt;
  busy(event.submitter, place, async () => {
    const { text } = await streamed("/api/v1/models/sample", body, place, (part) => written(before, part.text));
    place.replaceChildren(written(before, text));
  });
});

function showTokens(place, { tokens }) {
  place.replaceChildren(
    el("p", { class: "tokens cut" }, ...tokens.map(({ text, id }, i) => el("span", { class: `t c${i % 2}`, title: `token ${i}, id ${id}` }, visible(text)))),
    el("p", { class: "dim" }, `${tokens.length} tokens`),
  );
}

const inside = document.querySelector("[data-ask=inside]");
const places = Object.fromEntries(["tokens", "attention", "lens"].map((what) => [what, document.querySelector(`[data-answer-${what}]`)]));
const keeping = Object.fromEntries(["attention", "lens"].map((what) => [what, document.querySelector(`[data-keep-${what}]`)]));

// The answer that stands in a place can be kept on a page, with the head or lens that is shown.
function keepable(what, shown) {
  keeping[what].hidden = false;
  keeping[what].querySelector("[data-keep-on]").dataset.keepOn = JSON.stringify({ kind: what, model, prompt, ...shown });
}
const kept = { attention: ["layer", "head"], lens: ["lens"], tokens: [] };
let prompt; // of the answers that stand on the page

async function look(what, kind) {
  const given = Object.fromEntries(new FormData(inside));
  if (given.prompt !== prompt) {
    // Answers about another text would not fit the address any more.
    for (const [other, place] of Object.entries(places)) if (other !== what) place.replaceChildren();
    for (const one of Object.values(keeping)) one.hidden = true;
    if (prompt !== undefined) note(Object.fromEntries(Object.values(kept).flat().map((name) => [name, null])));
  }
  prompt = given.prompt;
  note({ prompt });
  const place = places[what];
  if (what === "tokens") showTokens(place, await waiting(place, ask("/api/v1/models/tokens", { method: "POST", body: { model, text: prompt } })));
  else await answer(what, { model, prompt, ...(kind ? { kind } : {}) }, place);
}

inside.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  busy(button, places[button.value], () => look(button.value, button.value === "lens" ? address.get("lens") : null));
});
places.attention.addEventListener("chosen", ({ detail }) => {
  Object.assign(places.attention.dataset, detail); // the next prompt is shown at the same head
  note(detail);
  keepable("attention", detail);
});
places.lens.addEventListener("chosen", ({ detail }) => {
  note({ lens: detail.kind });
  keepable("lens", { lens: detail.kind });
});

// Until here a button would have done nothing.
for (const button of document.querySelectorAll(".model-page button[disabled]")) button.disabled = false;

async function restore() {
  const wanted = { layer: address.get("layer"), head: address.get("head") };
  const lens = address.get("lens");
  const button = (what) => inside.querySelector(`[value=${what}]`);
  if (wanted.layer !== null && wanted.head !== null) {
    Object.assign(places.attention.dataset, wanted);
    await busy(button("attention"), places.attention, () => look("attention"));
  }
  if (lens !== null) await busy(button("lens"), places.lens, () => look("lens", lens));
}

// What is on this machine, or was chosen on a page of the notebook, is opened at once; a link from elsewhere must not
// make the notebook download a model.
if ("local" in page.dataset || document.referrer.startsWith(`${location.origin}/`)) {
  open.click();
  restore();
} else opening.hidden = false;

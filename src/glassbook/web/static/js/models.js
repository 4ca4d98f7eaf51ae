// Model page: architecture, generation, attention, logit lens and tokens; each button shows its answer below itself.
import { ask, el, number } from "./api.js";
import { answer, waiting } from "./panels.js";
import { streamed, written } from "./streamed.js";
import { visible } from "./tokens.js";

const { model } = document.querySelector(".model-page").dataset;

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

function showOpened(place, { parameters, vocab, context, blocks, sites }) {
  const known = Object.entries({ parameters, vocabulary: vocab, context, blocks: blocks.length }).filter(([, value]) => value != null);
  place.replaceChildren(
    el("dl", { class: "results" }, ...known.map(([name, value]) => fact(name, number(value)))),
    el("details", { open: true },
      el("summary", {}, `${number(sites.length)} sites that can be read and edited`),
      el("div", { class: "scroll sites", tabindex: "0", role: "region", "aria-label": "sites" },
        el("table", {},
          el("thead", {}, el("tr", {}, ...["site", "shape", "type"].map((name) => el("th", { scope: "col" }, name)))),
          el("tbody", {}, ...sites.map(({ name, shape, dtype }) => el("tr", {}, el("td", {}, el("code", {}, name)), el("td", {}, shape.join(" × ")), el("td", {}, dtype))))))),
  );
}

const open = document.querySelector("[data-ask=open]");
open.addEventListener("click", () => {
  const place = open.closest("section").querySelector("[data-answer]");
  busy(open, place, async () => showOpened(place, await waiting(place, ask("/api/v1/models/open", { method: "POST", body: { model } }))));
});

const sample = document.querySelector("[data-ask=sample]");
sample.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(sample));
  const body = { model, prompt: given.prompt, tokens: Number(given.tokens), temperature: Number(given.temperature), seed: Number(given.seed) };
  const place = sample.querySelector("[data-answer]");
  busy(event.submitter, place, async () => {
    const { text } = await streamed("/api/v1/models/sample", body, place, (part) => written(body.prompt, part.text));
    place.replaceChildren(written(body.prompt, text));
  });
});

function showTokens(place, { tokens }) {
  place.replaceChildren(
    el("p", { class: "tokens cut" }, ...tokens.map(({ text, id }, i) => el("span", { class: `t c${i % 2}`, title: `token ${i}, id ${id}` }, visible(text)))),
    el("p", { class: "dim" }, `${tokens.length} tokens`),
  );
}

const inside = document.querySelector("[data-ask=inside]");
inside.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  const { prompt } = Object.fromEntries(new FormData(inside));
  const place = document.querySelector(`[data-answer-${button.value}]`);
  busy(button, place, async () => {
    if (button.value === "tokens") showTokens(place, await waiting(place, ask("/api/v1/models/tokens", { method: "POST", body: { model, text: prompt } })));
    else await answer(button.value, { model, prompt }, place);
  });
});

// Until here a button would have done nothing.
for (const button of document.querySelectorAll(".model-page button[disabled]")) button.disabled = false;

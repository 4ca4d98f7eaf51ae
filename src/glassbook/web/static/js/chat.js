// Chat panel: an assistant's answer beside what a base model makes of the same question, and a field for the next question.
// Used by the live block `chat` (panels.js) and the page /chat; data from /api/v1/chat.
import { el } from "./api.js";
import { streamed } from "./streamed.js";

export const PATH = "/api/v1/chat";
const DEFAULTS = { base: "builtin", question: "What does the otter eat?", tokens: 60 };

const address = (settings) => `/chat?${new URLSearchParams(Object.entries(settings).filter(([key, value]) => value !== DEFAULTS[key]))}`;

// Both answers, so far or whole; one that did not end by itself says so.
export function columns({ answers, question }) {
  return el("section", { class: "pair" },
    question ? el("p", { class: "prompt" }, question) : "",
    el("div", { class: "pair-texts" }, ...Object.entries(answers).map(([role, { model, text, ended }]) =>
      el("div", { "data-column": role },
        el("p", { class: "which" }, role === "assistant" ? model : `${model}, as a text`),
        el("p", { class: "text" }, text.trim(), question && !ended ? " …" : "")))));
}

export function show(place, answer, settings) {
  const field = el("input", { type: "text", name: "question", value: answer.question, maxlength: 2000, required: true });
  const button = el("button", { "data-do": true }, "Ask");
  const next = el("form", { class: "row" }, el("label", {}, "Another question ", field), button);
  const shown = el("div", {}, columns(answer));
  next.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const asking = { ...settings, question: field.value };
    try {
      shown.replaceChildren(columns(await streamed(PATH, asking, shown, columns)));
      tell(place, asking);
    } catch {} // the place of the answer says why
    button.disabled = false;
  });
  place.replaceChildren(shown, next);
  tell(place, settings);
}

// The page /chat keeps the question in its address.
function tell(place, settings) {
  place.dispatchEvent(new CustomEvent("chosen", { detail: address({ ...DEFAULTS, ...settings }) }));
}

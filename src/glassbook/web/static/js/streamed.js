// Generated text that is shown as it comes, with how far it is and a button that cancels.
import { askInParts, el } from "./api.js";
import { COLUMNS } from "./steered.js";

// Asks for generated text and shows in `place` what there is of it: `show(part)` gives the element for a part of the result.
// Returns the result; where it is cancelled, the text so far stays and an error is thrown.
export async function streamed(path, body, place, show) {
  const stop = new AbortController();
  const far = el("span", { class: "dim", tabindex: "-1" }, "working …");
  const cancel = el("button", { type: "button", class: "quiet", onclick: () => stop.abort() }, "Cancel");
  const text = el("div");
  place.replaceChildren(el("p", { class: "so-far row" }, far, cancel), text);
  place.setAttribute("aria-busy", "true"); // what is read aloud is the end of it
  try {
    return await askInParts(path, body, {
      signal: stop.signal,
      partial(part) {
        far.textContent = `${part.done} of ${part.tokens} tokens`;
        text.replaceChildren(show(part));
      },
    });
  } catch (error) {
    if (!stop.signal.aborted) {
      place.replaceChildren(el("p", { class: "error-line" }, error.message));
      throw error;
    }
    far.textContent = text.hasChildNodes() ? `Cancelled after ${far.textContent}.` : "Cancelled.";
    if (document.activeElement === cancel) far.focus();
    cancel.remove();
    throw new Error("cancelled");
  } finally {
    place.removeAttribute("aria-busy");
  }
}

// Text after its prompt, for a part of a sample or the whole.
export function written(prompt, text) {
  return el("p", { class: "written" }, el("span", { class: "dim-text" }, prompt), text);
}

// Unsteered and steered texts, for a part of a steering result.
export function pairs({ results }) {
  const column = (which, text) => text === undefined ? "" : el("div", {}, el("p", { class: "which" }, which), el("p", { class: "text" }, "…", text));
  return el("div", {}, ...results.map(({ prompt, ...texts }) =>
    el("section", { class: "pair" },
      el("p", { class: "prompt" }, prompt || "(no prompt)"),
      el("div", { class: "pair-texts" }, ...Object.entries(COLUMNS).map(([name, title]) => column(title, texts[name]?.slice(prompt.length)))))));
}

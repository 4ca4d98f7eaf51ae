// Live blocks that call the model server: attention, logit lens and steering inside a page.
import { ask, el } from "./api.js";
import { showAttention } from "./attention.js";
import { showLens } from "./lens.js";
import { showSteered } from "./steered.js";

// A page of notes does not know that it will need these rules.
if (!document.querySelector('link[href*="/css/panels.css"]')) {
  document.head.append(el("link", { rel: "stylesheet", href: "/static/css/panels.css" }));
}

const panels = {
  attention: ["/api/v1/models/attention", showAttention],
  lens: ["/api/v1/models/lens", showLens],
  steer: ["/api/v1/steer", showSteered],
};

// Asks what the panel of this kind asks, with these settings, and shows the answer in `place`.
export async function answer(kind, settings, place) {
  const [path, show] = panels[kind];
  show(place, await waiting(place, ask(path, { method: "POST", body: settings })));
}

// What `asked` comes to; until then `place` says that something is going on.
export async function waiting(place, asked) {
  place.setAttribute("aria-busy", "true");
  try {
    return await asked;
  } catch (error) {
    place.replaceChildren(el("p", { class: "error-line" }, error.message));
    throw error;
  } finally {
    place.removeAttribute("aria-busy");
  }
}

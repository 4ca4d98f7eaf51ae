// Live blocks that call the model server: attention, chats, lenses, latents and steering inside a page.
import { ask, el, rooted } from "./api.js";
import { pairs, streamed } from "./streamed.js";

// A page of notes does not know that it will need these rules.
if (!document.querySelector('link[href*="/css/panels.css"]')) {
  document.head.append(el("link", { rel: "stylesheet", href: rooted("/static/css/panels.css") }));
}

// Kind of panel -> the route that answers its settings, and the module whose `show(place, answer)` displays the answer.
const PANELS = {
  attention: ["/api/v1/models/attention", () => import("./attention.js")],
  chat: ["/api/v1/chat", () => import("./chat.js")],
  lens: ["/api/v1/models/lens", () => import("./lens.js")],
  latents: ["/api/v1/latents", () => import("./latents.js")],
  steer: ["/api/v1/steer", () => import("./steered.js")],
};

// Sends the panel's settings to the server and shows the answer in `place`.
export async function answer(kind, settings, place) {
  const [path, viewer] = PANELS[kind];
  const { layer, head, ...asking } = settings; // which head is shown first is the viewer's alone
  if (layer !== undefined && head !== undefined) Object.assign(place.dataset, { layer, head });
  const parts = { chat: async () => (await import("./chat.js")).columns, steer: async () => pairs }[kind];
  const asked = parts ? streamed(path, asking, place, await parts()) : waiting(place, ask(path, { method: "POST", body: asking }));
  const [{ show }, data] = await Promise.all([viewer(), asked]);
  show(place, data, settings);
}

// Awaits `request`, and marks `place` as busy until it is done; an error is shown there.
export async function waiting(place, request) {
  place.setAttribute("aria-busy", "true");
  try {
    return await request;
  } catch (error) {
    place.replaceChildren(el("p", { class: "error-line" }, error.message));
    throw error;
  } finally {
    place.removeAttribute("aria-busy");
  }
}

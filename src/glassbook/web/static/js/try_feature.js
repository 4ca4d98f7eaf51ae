// A feature on one's own text: its activation at each token, as shading.
import { ask, el } from "./api.js";
import { shade, share, visible } from "./tokens.js";

for (const form of document.querySelectorAll("[data-try-feature]")) {
  const [text, button, status, result] = ["textarea", "button", "[data-try-status]", "[data-try-result]"].map((name) => form.querySelector(name));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.textContent = "reading … the first time the model is opened";
    try {
      const { tokens } = await ask(form.dataset.tryFeature, { method: "POST", body: { text: text.value } });
      result.replaceChildren(...tokens.map(([token, value]) => el("span", { class: `t s${shade(value)}`, title: value ? `${share(value)} of the maximum` : false }, visible(token))));
      const active = tokens.filter(([, value]) => value).length;
      const words = form.dataset.words ? `; most of its activation is on ${form.dataset.words}` : "";
      status.textContent = active ? `active on ${active} of ${tokens.length} tokens` : `not active on any of these ${tokens.length} tokens${words}`;
    } catch (error) {
      status.textContent = error.message;
    }
    button.disabled = false;
  });
}

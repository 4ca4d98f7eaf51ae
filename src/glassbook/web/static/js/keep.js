// "Keep on a page": a live block, or a link, is appended to a page that is chosen here. Also: the address of what is seen.
import { ask, el, rooted, say } from "./api.js";
import { suggestPages } from "./suggest.js";

let last = ""; // the page that was kept on before

// `what` is {kind, ...} as views/keeping.py reads it.
export function keep(what) {
  const page = el("input", { name: "page", required: true, maxlength: "200", autocomplete: "off", placeholder: "a page, or the title of a new one", value: last, size: "34" });
  const list = el("datalist");
  const choice = (value, text, checked) => el("label", {}, el("input", { type: "radio", name: "form", value, checked }), ` ${text}`);
  const said = el("p", { role: "status" });
  const save = el("button", { "data-do": true }, "Keep");
  const close = el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel");
  const form = el("form", {},
    el("h2", { id: "keep-title" }, "Keep on a page"),
    el("p", {}, el("label", {}, "Page ", page), list),
    el("p", { class: "row" }, choice("block", "show it there, as a live block", true), choice("link", "a link to it")),
    el("p", { class: "row" }, save, close), said);
  const dialog = el("dialog", { class: "keep-dialog", "aria-labelledby": "keep-title" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    said.className = "";
    try {
      const kept = await ask("/api/v1/keep", { method: "POST", body: { what, page: page.value, form: form.elements.form.value } });
      last = kept.title;
      said.replaceChildren(kept.new ? "Kept on the new page " : "Kept on ", el("a", { href: rooted(kept.url) }, kept.title));
      close.textContent = "Close";
      close.focus();
    } catch (error) {
      said.className = "error-line";
      said.textContent = error.message;
    }
    save.disabled = false;
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  suggestPages(page, list);
  dialog.showModal();
  page.focus();
}

// Puts a whole address on the clipboard; where the browser keeps that from pages, the address is said.
export async function copyLink(address) {
  const whole = new URL(address, location.href).href;
  try {
    await navigator.clipboard.writeText(whole);
    say("The link was copied.");
  } catch {
    say(whole);
  }
}

// The page of compute: what is asked goes into the address without its empty fields, and is kept on a page.
import { copyLink, keep } from "./keep.js";

const form = document.querySelector("[data-what-if]");
form.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) {
    if (!value.trim() || value.trim() === form.elements[name].dataset.usual) event.formData.delete(name);
  }
});

for (const button of document.querySelectorAll("[data-keep-on]")) button.addEventListener("click", () => keep(JSON.parse(button.dataset.keepOn)));
for (const button of document.querySelectorAll("[data-copy-link]")) button.addEventListener("click", () => copyLink(location.href));
if (location.search) document.querySelector("[data-ruled]").scrollIntoView({ block: "nearest" });

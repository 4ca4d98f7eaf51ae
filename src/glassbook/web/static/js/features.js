// Feature pages: j and k go to the next and previous feature; a name is saved; empty filters are left out of the URL.
import { ask } from "./api.js";

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  const link = { j: "[data-next]", k: "[data-previous]" }[event.key];
  document.querySelector(link ?? "[data-no-such]")?.click();
});

const filters = document.querySelector("[data-filters]");
filters?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

const naming = document.querySelector("[data-name-feature]");
naming?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask(naming.dataset.nameFeature, { method: "PUT", body: { label: naming.elements.label.value } });
    location.reload();
  } catch (error) {
    naming.querySelector("[data-name-status]").textContent = error.message;
  }
});

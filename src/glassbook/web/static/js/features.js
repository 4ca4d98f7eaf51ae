// Feature pages: j and k go to the next and previous feature; empty filters are left out of the URL.

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog[open]")) return;
  const link = { j: "[data-next]", k: "[data-previous]" }[event.key];
  document.querySelector(link ?? "[data-no-such]")?.click();
});

const filters = document.querySelector("[data-filters]");
filters?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value || (name === "order" && value === "index")) formData.delete(name);
});

// Compute page: the what-if form leaves empty fields and usual values out of the address.
const form = document.querySelector("[data-what-if]");
form.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) {
    if (!value.trim() || value.trim() === form.elements[name].dataset.usual) event.formData.delete(name);
  }
});

if (location.search) document.querySelector("[data-ruled]").scrollIntoView({ block: "nearest" });

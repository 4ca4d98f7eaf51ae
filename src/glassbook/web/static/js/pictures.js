// Pictures pasted, dropped or chosen in the editor: stored beside the page, their link inserted at the cursor.
import { rooted, read } from "./api.js";
import { insert } from "./insert.js";

const files = (transfer) => [...(transfer?.files ?? [])];

async function store(file, page) {
  const query = new URLSearchParams({ name: file.name, ...page });
  const headers = { "content-type": "application/octet-stream" }; // the server looks at the content, whatever it is called
  return read(await fetch(rooted(`/api/v1/pictures?${query}`), { method: "POST", headers, body: file }));
}

// `page()` gives the page that the pictures are for; `tell(text, bad)` says what happens.
export function takePictures(area, input, page, tell) {
  async function add(chosen) {
    const names = [];
    try {
      for (const file of chosen) {
        tell(`adding ${file.name} \u2026`);
        const { name, markdown } = await store(file, page());
        insert(area, markdown, names.length ? 1 : 0);
        names.push(name);
      }
      tell(`added ${names.join(", ")}, beside the page`);
    } catch (error) {
      tell(`${chosen[names.length].name} was not added: ${error.message}`, true);
    }
    area.focus();
  }

  area.addEventListener("paste", (event) => {
    // A copied table comes as text and as its picture: the text is meant.
    if (!files(event.clipboardData).length || event.clipboardData.types.includes("text/plain")) return;
    event.preventDefault();
    add(files(event.clipboardData));
  });
  area.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    area.classList.add("drop");
  });
  area.addEventListener("dragleave", () => area.classList.remove("drop"));
  area.addEventListener("drop", (event) => {
    area.classList.remove("drop");
    if (!files(event.dataTransfer).length) return;
    event.preventDefault();
    add(files(event.dataTransfer));
  });
  input.addEventListener("input", (event) => event.stopPropagation()); // no change of the text
  input.addEventListener("change", async () => {
    await add([...input.files]);
    input.value = "";
  });
}

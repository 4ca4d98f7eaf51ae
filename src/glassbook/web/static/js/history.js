// A version of a page: restoring it is saving its text as an edit of the page as it is now.
import { ask, rooted } from "./api.js";

const button = document.querySelector("[data-restore]");
const status = document.querySelector("[data-status]");

button?.addEventListener("click", async () => {
  const { restore, id, sha } = button.dataset;
  const page = id.split("/").map(encodeURIComponent).join("/");
  button.disabled = true;
  try {
    const { text } = await ask(`/api/v1/history/${page}?version=${encodeURIComponent(restore)}`);
    const saved = await ask(`/api/v1/pages/${page}`, { method: "PUT", body: { text, base: sha } });
    location.href = rooted(saved.url);
  } catch (error) {
    status.classList.add("bad");
    status.textContent = error.status === 409 ? "not restored: the page was changed meanwhile; reload to compare again" : `not restored: ${error.message}`;
    button.disabled = false;
  }
});

// List of models: takes one that was opened before off the list.
import { ask, say } from "./api.js";

for (const button of document.querySelectorAll("[data-forget]")) {
  button.addEventListener("click", async () => {
    try {
      await ask("/api/v1/models/forget", { method: "POST", body: { model: button.dataset.forget } });
      button.closest("tr").remove();
    } catch (error) {
      say(error.message);
    }
  });
}

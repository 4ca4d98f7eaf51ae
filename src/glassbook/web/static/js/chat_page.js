// Page /chat: the address follows the panel.
import { rooted } from "./api.js";

document.querySelector("[data-panel-answer]")?.addEventListener("chosen", ({ detail }) => history.replaceState(null, "", rooted(detail)));

// Search page: the results follow what is typed; the address always names them.
import { refresh } from "./live.js";

const PAUSE = 120; // milliseconds without a key
const form = document.querySelector("[data-search]");
let waiting;
let busy = false;
let again = false;

async function update() {
  if (busy) return (again = true); // one at a time, so that no older answer comes last
  busy = true;
  do {
    again = false;
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", `${location.pathname}?${query}`);
    await refresh().catch(() => {}); // the server is away: the button tells
  } while (again);
  busy = false;
}

form.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(update, PAUSE);
});

// Notice for a job whose result exists already: a link to the finished run, and a button to run it again.
import { el, rooted } from "./api.js";

export function answered({ run, why }, again) {
  return [
    "Already run: ",
    el("a", { href: rooted(`/runs/${encodeURIComponent(run)}`) }, run),
    ` (${why}). `,
    el("button", { type: "button", class: "quiet", "data-again": true, onclick: again }, "Run again anyway"),
  ];
}

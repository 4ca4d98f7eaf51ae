// What was asked for has been run already: where its answer is, and how to have it run once more.
import { el } from "./api.js";

export function answered({ run, why }, again) {
  return [
    "This has been run already: ",
    el("a", { href: `/runs/${encodeURIComponent(run)}` }, run),
    ` (${why}). `,
    el("button", { type: "button", class: "quiet", "data-again": true, onclick: again }, "Run it again anyway"),
  ];
}

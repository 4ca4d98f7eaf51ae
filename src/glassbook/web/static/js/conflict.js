// Edit conflict: two versions of a page side by side; the writer picks one or merges them.
import { el } from "./api.js";

function row(piece) {
  if (piece.left_out) return el("tr", {}, el("td", { class: "left-out", colspan: 2 }, `${piece.left_out} identical lines`));
  return el("tr", { class: piece.same ? null : "differs" }, el("td", {}, piece.mine), el("td", {}, piece.theirs));
}

// `choose` gets "mine", "theirs" or "merged".
export function showConflict(place, both, choose) {
  const kept = both.copies.length ? ` Both versions are stored in ${both.copies.join(" and ")}.` : " They could not be written to disk; yours is stored in this browser.";
  place.querySelector("[data-conflict-said]").textContent = `This page was changed elsewhere while you edited it.${kept}`;
  place.querySelector("[data-conflict-rows]").replaceChildren(...both.rows.map(row));
  for (const button of place.querySelectorAll("[data-choose]")) {
    button.onclick = () => {
      place.hidden = true;
      choose(button.dataset.choose);
    };
  }
  place.hidden = false;
  place.querySelector("h2").focus();
}

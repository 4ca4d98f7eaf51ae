// A sweep of strengths on the steering page: one request for each, their effect and damage as charts and a table, and the
// texts side by side. With one direction a strength is its own; several are multiplied by it together.
import { askInParts, el, number } from "./api.js";
import { draw } from "./charts.js";
import { highlighted, legend } from "./steered.js";
import { share } from "./tokens.js";

// Where damage starts: the smallest strength whose texts are more than `limit` nats per token less likely than the
// unsteered ones, and the largest below it that does no damage; null if none does. Negative strengths count only if
// there are no positive ones.
export function damageStart(rows, limit) {
  const sign = rows.some((row) => row.strength > 0) ? 1 : -1;
  const side = rows.filter((row) => row.strength * sign > 0).sort((a, b) => Math.abs(a.strength) - Math.abs(b.strength));
  const first = side.findIndex((row) => row.excess > limit);
  if (first < 0) return null;
  return { at: side[first].strength, below: first ? side[first - 1].strength : null };
}

function rowOf(strength, answer) {
  return {
    strength,
    answer,
    words: answer.words_changed,
    active: answer.active_tokens?.steered,
    excess: answer.damage.nll_steered - answer.damage.nll_plain,
    different: answer.damage.distinct_2_steered,
  };
}

// How a strength is called; of several directions it is a factor.
const called = (strength, several) => (several ? `× ${number(strength)}` : `strength ${number(strength)}`);

const MEASURES = [
  { name: "words", title: "words not in the unsteered text", format: share, percent: true },
  { name: "active", title: "tokens with the feature active", format: share, percent: true },
  { name: "excess", title: "nats per token less likely than unsteered", format: (value) => value.toFixed(2) },
  { name: "different", title: "different pairs of neighbouring tokens", format: share, percent: true, table: true },
];
const measuresOf = (rows) => MEASURES.filter(({ name }) => rows.some((row) => row[name] != null));

// Axes of the charts.
const SHARE = { axis: { tickCount: 4, format: "%" }, scale: { domain: [0, 1] } };
// Damage soon is many times what starts it, which a linear axis would not show.
const NATS = { axis: { values: [-1, 0, 0.3, 1, 3, 10], labelOverlap: false, format: "~g" }, scale: { type: "symlog", constant: 0.3 } };

function chart({ name, title, percent }, rows, limit, several) {
  const line = {
    mark: { type: "line", point: { filled: true, size: 45 } },
    encoding: {
      x: { field: "strength", type: "quantitative", title: several ? "× the strengths set" : "strength", axis: { grid: false, tickCount: 5 } },
      y: { field: name, type: "quantitative", title: null, ...(percent ? SHARE : NATS) },
      tooltip: [{ field: "strength" }, { field: name, title, format: percent ? ".0%" : ".2f" }],
    },
  };
  const rule = { data: { values: [{ limit }] }, mark: { type: "rule", strokeDash: [4, 3] }, encoding: { y: { field: "limit", type: "quantitative", title: null, ...NATS } } };
  const values = rows.map((row) => ({ strength: row.strength, [name]: row[name] })).sort((a, b) => a.strength - b.strength);
  return { $schema: "https://vega.github.io/schema/vega-lite/v6.json", data: { values }, height: 165, layer: name === "excess" ? [rule, line] : [line] };
}

function charts(rows, limit, several) {
  const drawn = measuresOf(rows).filter(({ table }) => !table).map((measure) => {
    const box = el("div", { class: "chart-box", role: "img", "aria-label": `${measure.title}, by strength; the table has the numbers` });
    return { box, figure: el("figure", { class: "chart" }, el("figcaption", {}, measure.title + (measure.name === "excess" ? `; dashed: damage, ${limit}` : "")), box), measure };
  });
  const paint = () => drawn.forEach(({ box, measure }) => draw(box, chart(measure, rows, limit, several), measure.title));
  return { figures: drawn.map(({ figure }) => figure), paint };
}

function table(rows, limit, several, use) {
  const measures = measuresOf(rows);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "strengths" },
    el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "num" }, several ? "× the strengths set" : "strength"), ...measures.map(({ title }) => el("th", { scope: "col", class: "num" }, title)), el("td"))),
      el("tbody", {}, ...rows.map((row) => el("tr", {},
        el("th", { scope: "row", class: "num" }, number(row.strength)),
        ...measures.map(({ name, format }) => el("td", { class: `num${name === "excess" && row.excess > limit ? " damaging" : ""}` }, row[name] == null ? "" : format(row[name]))),
        el("td", {}, el("button", { type: "button", class: "quiet small", "aria-label": `use ${called(row.strength, several)}`, onclick: () => use(row.strength) }, "Use")))))));
}

function texts(rows, limit, several) {
  const highlights = rows.at(-1).answer.highlights;
  const which = (row) => [row.strength ? called(row.strength, several) : "0, unsteered", ...(row.excess > limit ? [" ", el("span", { class: "state fails" }, "damage")] : [])];
  return [
    ...rows[0].answer.results.map(({ prompt }, i) =>
      el("section", { class: "pair" },
        el("p", { class: "prompt" }, prompt || "(no prompt)"),
        el("div", { class: "sweep-texts", tabindex: "0", role: "region", "aria-label": `texts after “${prompt}”, by strength` }, ...rows.map((row) =>
          el("div", {}, el("p", { class: "which" }, ...which(row)), el("p", { class: "text" }, "…", ...highlighted(row.answer.results[i].pieces.steered, row.answer.highlights))))))),
    legend(highlights),
  ];
}

function addressOf({ prompts, sources, random, ...rest }, strengths) {
  const query = new URLSearchParams({ ...rest, random, strengths: strengths.join(", ") });
  for (const prompt of prompts) query.append("prompt", prompt);
  for (const source of sources) query.append("source", JSON.stringify(source));
  return `/steer?${query}`;
}

// Steers with each strength in turn and shows what came so far; it can be stopped.
//
// place: where it is shown. settings: of the form. limit: from where on it is damage. set: sets the strengths of all
// directions. Returns where damage starts (`damageStart`).
export async function sweep(place, settings, strengths, limit, set) {
  const several = settings.sources.length > 1;
  const scaled = (strength) => settings.sources.map((source) => ({ ...source, coeff: several ? source.coeff * strength : strength }));
  const use = (strength) => set(scaled(strength).map(({ coeff }) => coeff));
  const stopping = new AbortController();
  const rows = [];
  const stop = el("button", { type: "button", class: "quiet", onclick: () => stopping.abort() }, "Stop");
  const progress = el("span", { role: "status" });
  const head = el("p", { class: "row" }, progress, stop);
  const shown = el("div");
  place.replaceChildren(head, shown);
  history.replaceState(null, "", addressOf(settings, strengths));

  for (const [i, strength] of strengths.entries()) {
    progress.textContent = `Steering with ${called(strength, several)}, ${i + 1} of ${strengths.length} …`;
    try {
      const body = { ...settings, sources: scaled(strength), random: false };
      rows.push(rowOf(strength, await askInParts("/api/v1/steer", body, { signal: stopping.signal, partial() {} })));
    } catch (error) {
      if (!stopping.signal.aborted) head.after(el("p", { class: "error-line" }, error.message));
      break;
    }
    shown.replaceChildren(...texts(rows, limit, several));
  }
  stop.remove();
  const found = damageStart(rows, limit);
  progress.textContent = !rows.length ? ""
    : !found ? "None of these strengths does damage."
    : `Damage starts at ${called(found.at, several)}${found.below === null ? "" : ` (${number(found.below)} does none)`}: there the unsteered model finds the texts more than ${limit} nats per token less likely than its own.`;
  if (!rows.length) return null;
  const { figures, paint } = charts(rows, limit, several);
  shown.replaceChildren(
    several ? el("p", { class: "dim" }, "All directions together: the strengths that are set above are multiplied by each of these.") : "",
    el("div", { class: "sweep-charts" }, ...figures), table(rows, limit, several, use), ...texts(rows, limit, several));
  paint();
  return found;
}

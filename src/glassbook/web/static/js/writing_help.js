// Help for live blocks and front matter in the editor: the panel that inserts blocks, and completion of kinds and keys.
import { atCaret } from "./completion.js";
import { insert } from "./insert.js";

// The text of the live block that the caret is in, up to the caret; null outside of one.
function inBlock(before) {
  let inside = null;
  const lines = before.split("\n");
  if (/^[\s>]*(```|~~~)/.test(lines.at(-1))) return null; // the fence itself is being written
  for (const line of lines) {
    const fence = /^[\s>]*(```+|~~~+)\s*(\w*)/.exec(line);
    if (inside === null && fence) inside = { fence: fence[1], live: fence[2] === "glassbook", text: "" };
    else if (inside && fence && fence[1].startsWith(inside.fence) && !fence[2]) inside = null;
    else if (inside) inside.text += `${line}\n`;
  }
  return inside?.live ? inside.text.replace(/\n$/, "") : null;
}

function inFrontMatter(before) {
  return /^---\s*\n/.test(before) && !/\n(---|\.\.\.)\s*(\n|$)/.test(before.slice(3));
}

// What may be written at the caret, and what has been typed of it: {name, among: [{text, title, hint}]}, or null.
function offered(area, { blocks, front_matter, kinds, experiments }) {
  const { before, line } = atCaret(area) ?? {};
  if (before === undefined) return null;
  if (inFrontMatter(before)) {
    const kind = /^kind:\s+(\w*)$/.exec(line);
    if (kind) return { name: kind[1], among: kinds.map((text) => ({ text, title: text, hint: "" })) };
    const key = /^(\w+)$/.exec(line);
    return key && { name: key[1], among: front_matter.map(({ name, doc }) => ({ text: `${name}: `, title: name, hint: doc })) };
  }
  const text = inBlock(before);
  if (text === null) return null;
  const bare = text.replace(/^[\s>]*/, "");
  const first = /^(\w*)$/.exec(bare);
  if (first) return { name: first[1], among: blocks.map((b) => ({ text: b.begin, title: b.kind, hint: b.doc })) };
  const block = blocks.find((b) => bare.startsWith(`${b.kind}:`));
  if (!block) return null;
  const value = /(?:[{,]\s*experiment|^experiment:\s*\{\s*name):\s+([\w-]*)$/.exec(bare);
  if (value) return { name: value[1], among: experiments.map((text) => ({ text, title: text, hint: "experiment" })) };
  const key = /[{,]\s*(\w*)$/.exec(bare);
  return key && { name: key[1], among: block.keys.map(({ name, doc }) => ({ text: `${name}: `, title: name, hint: doc })) };
}

// Completion of live blocks and front matter, for completion.js.
export function blocksAndKeys(all) {
  return {
    typed: (area) => offered(area, all)?.name ?? null,
    async find(name) {
      const area = document.getElementById("page-text");
      const low = name.toLowerCase();
      return (offered(area, all)?.among ?? []).filter((each) => each.title.toLowerCase().startsWith(low) && each.title !== name);
    },
    finish(area, text, from) {
      area.setRangeText(text, from, area.selectionStart, "end");
      const gap = text.indexOf(": ,") >= 0 ? text.indexOf(": ,") + 2 : text.endsWith(": }") ? text.length - 1 : -1;
      if (gap >= 0) area.setSelectionRange(from + gap, from + gap); // the first value that is missing
    },
  };
}

// The panel beside the text.
export function helpPanel(form, area) {
  const button = form.querySelector("[data-help]");
  const panel = form.querySelector("[data-help-panel]");
  button.addEventListener("click", () => {
    panel.hidden = !panel.hidden;
    form.querySelector(".editor-panes").classList.toggle("helped", !panel.hidden);
    button.setAttribute("aria-expanded", String(!panel.hidden));
  });
  panel.addEventListener("click", (event) => {
    const begin = event.target.closest("[data-insert]")?.dataset.insert;
    if (begin === undefined) return;
    insert(area, `\`\`\`glassbook\n${begin}\n\`\`\`\n`, 2);
    area.focus();
  });
}

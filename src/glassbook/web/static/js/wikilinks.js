// Wikilink completion in the editor: after `[[`, pages to choose from.
import { ask } from "./api.js";
import { atCaret } from "./completion.js";

export const wikilinks = {
  begun: true, // after "[[" alone there is nothing to look for yet

  typed(area) {
    const line = atCaret(area)?.line ?? "";
    const open = line.lastIndexOf("[[");
    const name = line.slice(open + 2);
    return open < 0 || /[\]|#]/.test(name) ? null : name;
  },

  async find(name, signal) {
    const { suggestions } = await ask(`/api/v1/complete?kind=page&q=${encodeURIComponent(name)}`, { signal });
    return suggestions.map((s) => ({ text: s.link, title: s.title, hint: s.hint }));
  },

  finish(area, text, from) {
    const closed = area.value.startsWith("]]", area.selectionStart);
    area.setRangeText(text + (closed ? "" : "]]"), from, area.selectionStart, "end");
    if (closed) area.setSelectionRange(area.selectionStart + 2, area.selectionStart + 2);
  },
};

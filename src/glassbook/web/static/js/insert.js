// Text put into the page in the editor: at the caret, or at the end of the page where the caret is in the front matter.
const FRONT_MATTER = /^---[^\S\n]*\n(?:[\s\S]*?\n)?(?:---|\.\.\.)[^\S\n]*(?:\n|$)/;

// `lines`: how many line ends stand before the text at least, where anything does.
export function insert(area, text, lines) {
  const { value } = area;
  const body = FRONT_MATTER.exec(value)?.[0].length ?? 0;
  const inBody = area.selectionStart >= body;
  const [from, to] = inBody ? [area.selectionStart, area.selectionEnd] : [value.length, value.length];
  const wanted = inBody ? lines : 2;
  const there = /\n*$/.exec(value.slice(0, from))[0].length;
  const apart = from ? "\n".repeat(Math.max(0, wanted - there)) : "";
  area.setRangeText(apart + text, from, to, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

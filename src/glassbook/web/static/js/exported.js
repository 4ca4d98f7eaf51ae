// Search of an exported notebook: titles and headings, from an index that is loaded on first use.
// A classic script, for modules and fetch do not work for pages opened from disk.
(() => {
  const base = document.currentScript.src.replace(/[^/]*$/, "");
  const MOST = 20;
  const input = document.createElement("input");
  Object.assign(input, { type: "search", placeholder: "Search titles and headings", autocomplete: "off" });
  input.setAttribute("aria-label", "Search titles and headings");
  const list = document.createElement("ul");
  list.className = "found";
  list.hidden = true;
  const place = document.createElement("div");
  place.className = "find";
  place.setAttribute("role", "search");
  place.append(input, list);
  document.querySelector(".masthead").append(place);

  let loading;
  function load() {
    loading ??= new Promise((done) => {
      const script = document.createElement("script");
      script.src = `${base}search-index.js`;
      script.onload = done;
      document.head.append(script);
    });
    return loading;
  }

  // Every word has to be there; titles that begin with the words come first, headings last.
  function matches(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const found = [];
    for (const [title, file, headings] of window.glassbookIndex) {
      const name = title.toLowerCase();
      if (words.every((word) => name.includes(word))) found.push([name.startsWith(words[0]) ? 0 : 1, title, file]);
      for (const [heading, anchor] of headings) {
        const both = `${name} ${heading.toLowerCase()}`;
        if (words.every((word) => both.includes(word)) && heading.toLowerCase().includes(words.at(-1))) found.push([2, `${title} § ${heading}`, `${file}#${anchor}`]);
      }
    }
    return found.sort((a, b) => a[0] - b[0] || a[1].length - b[1].length).slice(0, MOST);
  }

  async function show() {
    await load();
    const rows = matches(input.value).map(([, title, address]) => {
      const row = document.createElement("li");
      const link = document.createElement("a");
      link.textContent = title;
      link.href = base + address;
      row.append(link);
      return row;
    });
    list.replaceChildren(...rows);
    list.hidden = !rows.length;
  }

  input.addEventListener("input", show);
  input.addEventListener("keydown", async (event) => {
    if (event.key !== "Enter") return;
    await show();
    list.querySelector("a")?.click();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") list.hidden = true;
    if (event.key !== "/" || event.target === input || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
  });
  document.addEventListener("click", (event) => {
    if (!place.contains(event.target)) list.hidden = true;
  });
})();

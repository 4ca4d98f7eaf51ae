// Helpers of all modules: addresses, JSON requests, status messages, DOM elements, number format.

// Where the server's addresses begin: "", or the path that a proxy puts before them. This module knows where it is.
const BASE = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

// An address of the server, as its JSON and these modules write it ("/runs"), for the browser.
export const rooted = (path) => BASE + path;

// The same for all addresses in HTML that came as JSON.
export function rebase(node) {
  for (const name of ["href", "src", "action"])
    for (const part of node.querySelectorAll(`[${name}^="/"]:not([${name}^="//"])`)) part.setAttribute(name, rooted(part.getAttribute(name)));
}

export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const answer = await fetch(rooted(path), {
    method,
    signal,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return read(answer);
}

// The JSON of an answer; an answer that says no is an error with what it says.
export async function read(answer) {
  const data = answer.headers.get("content-type")?.includes("json") ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw Object.assign(new Error(data.error ?? `the server answered ${answer.status}`), { status: answer.status, data });
  return data;
}

// Posts `body` for a result of which parts come before: `partial` is called with each. Aborting `signal` gives it up.
export async function askInParts(path, body, { partial, signal }) {
  const headers = { "content-type": "application/json", accept: "application/x-ndjson" };
  const answer = await fetch(rooted(path), { method: "POST", signal, headers, body: JSON.stringify(body) });
  if (!answer.ok || !answer.headers.get("content-type")?.includes("ndjson")) return read(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server broke off; try again");
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      if ("result" in message) return message.result;
      if ("error" in message) throw new Error(message.error);
      partial(message.partial);
    }
  }
}

let fading;
export function say(text) {
  const place = document.querySelector("[data-said]");
  place.textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (place.textContent = ""), 6000);
}

// An element with attributes and children; text is always text.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

export function number(value) {
  if (typeof value !== "number") return value ?? "";
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(4).replace(/\.?0+(e|$)/, "$1");
}

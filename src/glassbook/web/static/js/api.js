// Helpers of all modules: JSON requests, status messages, DOM elements, number format.

export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const answer = await fetch(path, {
    method,
    signal,
    headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const data = answer.headers.get("content-type")?.includes("json") ? await answer.json() : { error: await answer.text() };
  if (!answer.ok) throw Object.assign(new Error(data.error ?? `the server answered ${answer.status}`), { status: answer.status, data });
  return data;
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

// Change notifications: one event stream for all tabs; the tab that holds the lock listens and broadcasts to the others.
// (Browsers keep six connections to a server: a stream for each tab would leave none for the seventh.)
import { rooted } from "./api.js";

const channel = new BroadcastChannel("glassbook-events");
const listeners = new Set();
channel.onmessage = (message) => tell(message.data);

function tell(change) {
  for (const listener of listeners) listener(change);
}

// Calls `listener` with {notebook, jobs} whenever something changed; returns a function that ends it.
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function listen() {
  return new Promise(() => {
    const source = new EventSource(rooted("/events"));
    source.addEventListener("changed", (event) => {
      const change = JSON.parse(event.data);
      channel.postMessage(change);
      tell(change);
    });
  });
}

navigator.locks?.request("glassbook-events", listen);

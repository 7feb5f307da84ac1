// One WebSocket that comes back by itself. What was not acknowledged is sent again with the same id.

const waiting = new Map(); // id → action, in the order of the doing
let socket = null;
let pause = 500;
let greeted = false;
let drift = 0; // seconds that the server's clock is ahead of ours
let hear = () => {};
let linkChanged = () => {};

export function connect(onEvent, onLink) {
  hear = onEvent;
  linkChanged = onLink;
  open();
  window.addEventListener("online", () => socket?.readyState === WebSocket.CLOSED && open());
}

function open() {
  greeted = false;
  linkChanged("linking");
  socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
  socket.onclose = closed;
}

function receive(event) {
  if (event.kind === "hello") {
    greeted = true;
    pause = 500;
    drift = event.now - Date.now() / 1000;
  }
  if (event.kind === "ack" || event.kind === "refused") {
    const action = waiting.get(event.id);
    waiting.delete(event.id);
    hear({ ...event, action });
    return;
  }
  hear(event);
  if (event.kind === "hello") {
    linkChanged("linked");
    for (const action of waiting.values()) socket.send(JSON.stringify(action));
  }
  if (event.kind === "later") setTimeout(() => again(event.id), 2000);
}

function again(id) {
  if (greeted && waiting.has(id)) socket.send(JSON.stringify(waiting.get(id)));
}

async function closed() {
  linkChanged("lost");
  setTimeout(open, pause * (0.75 + Math.random() / 2));
  pause = Math.min(8000, pause * 1.6);
  // a restarted server has forgotten our cookie: then the page leads to the login
  const answer = await fetch("/", { cache: "no-store" }).catch(() => null);
  if (answer?.redirected && new URL(answer.url).pathname === "/login") location.assign("/login");
}

export function now() {
  return Date.now() / 1000 + drift;
}

// Do something: it is sent now, or as soon as there is a connection, until it is acknowledged.
export function act(action) {
  const random = [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => (byte % 36).toString(36)).join("");
  const whole = { ...action, id: `${Math.round(now() * 1000).toString(36)}-${random}` };
  waiting.set(whole.id, whole);
  if (greeted && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(whole));
  return whole.id;
}

export function pending() {
  return waiting;
}

// For tests and the curious: lose the connection as a bad network would.
export function drop() {
  socket.close();
}

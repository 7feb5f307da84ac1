// The list of messages: keeps up with what comes in, follows the end, and can be walked by keyboard.

import { act as send, now } from "./connection.js";
import { make } from "./dom.js";
import { createMessage, openEditor, updateMessage } from "./message.js";
import { closePicker, openPicker } from "./picker.js";
import { labels, me, state } from "./state.js";
import { day, word } from "./words.js";

const list = document.getElementById("lines");
const scroll = document.getElementById("scroll");
const below = document.getElementById("below");
const spoken = document.getElementById("spoken");
const items = new Map(); // message id → its <li>
const MOST = 800; // messages kept on the page while it follows the end
let following = true;
let unspoken = [];
let current = null; // the message that is in the tab order

// What can be done to a message. `main` adds `reply` and `type`.
export const doing = {
  editing: null, // the message that is being edited,
  draft: "", // and what it says so far
  sure: null,
  unfolded: new Set(),
  reply: () => {},
  type: () => {},
  react(line, emoji, added) {
    send({ kind: "react", name: me(), message_id: line.message_id, emoji, added });
  },
  press(line, choice) {
    send({ kind: "press", name: me(), message_id: line.message_id, value: choice.value });
  },
  pick(line, anchor) {
    openPicker(line, anchor, (emoji, added) => doing.react(line, emoji, added));
  },
  edit(line) {
    doing.editing = line.message_id;
    doing.draft = line.text;
    show(line.message_id);
  },
  remove(line) {
    if (doing.sure === line.message_id) {
      doing.sure = null;
      send({ kind: "delete", name: me(), message_id: line.message_id });
    } else {
      doing.sure = line.message_id;
      setTimeout(() => doing.sure === line.message_id && ((doing.sure = null), show(line.message_id)), 4000);
    }
    show(line.message_id);
  },
  fold(id) {
    if (!doing.unfolded.delete(id)) doing.unfolded.add(id);
    show(id);
  },
};

// Put a message on the page at once, greyed until the server has it.
export function say(text, replyTo) {
  const id = send({ kind: "say", name: me(), text, reply_to: replyTo });
  const author = { id: me(), name: me() };
  state.lines.set(id, { message_id: id, author, at: now(), text, reply_to: replyTo, people: new Map(), mark: null, sending: true });
  following = true;
  show(id);
}

export function run(text, replyTo) {
  following = true;
  return send({ kind: "run", name: me(), text, reply_to: replyTo });
}

// A message came in, changed, or (a refused one) went.
export function show(id) {
  const line = state.lines.get(id);
  if (!line) {
    items.get(id)?.remove();
    items.delete(id);
  } else {
    const fresh = !items.has(id);
    if (fresh) append(line);
    refresh(line);
    if (doing.editing === id) keepEditor(line);
    if (fresh && line.author.id !== me()) announce(line);
    if (fresh && following && items.size > MOST) letGo();
  }
  document.getElementById("empty").hidden = state.lines.size > 0;
  if (following) toEnd();
  else if (line && items.size) below.hidden = false;
}

function letGo() {
  const [oldest] = state.lines.keys();
  state.lines.delete(oldest);
  items.get(oldest)?.remove();
  items.delete(oldest);
}

// Tab passes over the buttons of two hundred messages; inside a message the arrows lead to them.
function refresh(line) {
  const item = items.get(line.message_id);
  updateMessage(item, line, doing);
  for (const button of item.querySelectorAll("button, a")) button.tabIndex = -1;
  if (!current?.isConnected) choose(item);
}

// The field in which a message is edited stays open, with what is typed in it, whatever comes in meanwhile.
function keepEditor(line) {
  const item = items.get(line.message_id);
  if (item.querySelector("textarea")) return;
  openEditor(item, doing, (text) => {
    doing.editing = null;
    if (text?.trim() && text !== line.text) send({ kind: "edit", name: me(), message_id: line.message_id, text });
    show(line.message_id);
    items.get(line.message_id)?.focus();
  });
}

function append(line) {
  const date = new Date(line.at * 1000).toDateString();
  if (list.dataset.day !== date) {
    list.dataset.day = date;
    list.append(make("li", { class: "day", role: "separator" }, make("span", {}, day(line.at))));
  }
  const item = createMessage(line);
  item.dataset.id = line.message_id;
  items.set(line.message_id, item);
  list.append(item);
}

export function showAll() {
  const focused = document.activeElement?.closest?.(".message")?.dataset.id;
  list.replaceChildren();
  delete list.dataset.day;
  items.clear();
  for (const line of state.lines.values()) {
    append(line);
    refresh(line);
  }
  if (items.has(doing.editing)) keepEditor(state.lines.get(doing.editing));
  document.getElementById("empty").hidden = state.lines.size > 0;
  if (focused) items.get(focused)?.focus({ preventScroll: true });
  if (following) toEnd();
}

// ── following the end ────────────────────────────────────────────────────────────────────────────

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  below.hidden = true;
}

let before = 0;
scroll.addEventListener("scroll", () => {
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  following = atEnd || (following && scroll.scrollTop >= before); // what grows meanwhile is nobody's scrolling up
  before = scroll.scrollTop;
  if (following) below.hidden = true;
  closePicker();
});
below.addEventListener("click", () => {
  following = true;
  toEnd();
});
const resized = new ResizeObserver(() => following && toEnd());
resized.observe(scroll);
resized.observe(list); // a picture grows when it is loaded

// ── by ear: at most one announcement a second and a half ─────────────────────────────────────────

function announce(line) {
  unspoken.push(line);
  if (unspoken.length === 1) setTimeout(speakUp, 1500);
}

function speakUp() {
  const [first] = unspoken;
  spoken.textContent = unspoken.length > 1
    ? word("spokenMany", { count: unspoken.length })
    : word("spokenOne", { name: first.author.name, text: first.text.slice(0, 300) });
  unspoken = [];
}

// ── by keyboard: one message is in the tab order, arrows move to the next ────────────────────────

function choose(item) {
  if (current !== item) current?.setAttribute("tabindex", "-1");
  current = item;
  item.setAttribute("tabindex", "0");
}

list.addEventListener("focusin", ({ target }) => {
  const item = target.closest(".message");
  if (item) choose(item);
});

export function focusLast() {
  const last = [...list.querySelectorAll(".message")].at(-1);
  last?.focus();
}

list.addEventListener("keydown", (event) => {
  const item = event.target.closest(".message");
  if (!item || event.target.tagName === "TEXTAREA" || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key];
  const aside = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (aside) {
    const stops = [item, ...item.querySelectorAll("button, a")];
    stops[(stops.indexOf(event.target) + aside + stops.length) % stops.length].focus();
  } else if (step) {
    let next = item[step];
    while (next && !next.classList.contains("message")) next = next[step];
    if (next) next.focus();
    else if (event.key === "ArrowDown") document.getElementById("words").focus();
  } else if (event.key === "Escape") document.getElementById("words").focus();
  else if (event.target === item && !shortcut(event.key, item)) return;
  else if (event.target !== item) return;
  event.preventDefault();
});

function shortcut(key, item) {
  const line = state.lines.get(item.dataset.id);
  if (!line || line.deleted || line.command || line.sending || line.unstored) return false;
  const press = (name) => item.querySelector(`[data-key="${name}"]`)?.click();
  const label = /^[1-9]$/.test(key) ? labels()[Number(key) - 1] : null;
  if (label?.emoji && !line.bot) doing.react(line, label.emoji, !line.people.get(label.emoji)?.has(me()));
  else if (key === "Enter" || key === "+") press("add");
  else if (key === "r") press("reply");
  else if (key === "e") press("edit");
  else if (key === "Delete") press("delete");
  else return false;
  return true;
}

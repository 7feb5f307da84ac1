// The field at the bottom: messages, commands with completion, replies.

import { focusLast, run, say } from "./channel.js";
import { make } from "./dom.js";
import { labels, state } from "./state.js";
import { speaks, word } from "./words.js";

const form = document.getElementById("composer");
const field = document.getElementById("words");
const box = document.getElementById("completion");
const banner = document.getElementById("replying");
let offers = [];
let chosen = -1;
let dismissed = "";

// What may come next: verbs, or for some verbs what fits behind them. `whole` is the field's text if it is taken.
function offersFor(text) {
  if (!text.startsWith("/") || text.includes("\n")) return [];
  const typed = text.slice(1).trimStart();
  const start = typed.toLowerCase();
  const exact = state.verbs.find(({ verb }) => verb === start);
  const known = state.verbs.filter(({ verb }) => start.startsWith(`${verb} `)).sort((a, b) => b.verb.length - a.verb.length)[0];
  const rest = known ? typed.slice(known.verb.length + 1).trimStart() : "";
  const fitting = known ? argumentsOf(known.verb).filter((one) => one.toLowerCase().startsWith(rest.toLowerCase()) && one !== rest) : [];
  const values = fitting.slice(0, 8).map((one) => ({ title: one, help: "", whole: `/${known.verb} ${one}` }));
  const longer = state.verbs.filter((one) => one.verb.startsWith(start) && one !== exact);
  const verbs = [exact, ...longer].filter(Boolean).map((one) => ({ ...described(one), whole: `/${one.verb}${one.arguments ? " " : ""}` }));
  // a line that can be sent as it stands is sent by Enter; otherwise Enter takes the first offer
  chosen = exact || (known && !rest) ? -1 : 0;
  return [...values, ...verbs, ...(known ? [{ ...described(known), whole: null }] : [])];
}

function described({ verb, arguments: rest, help, admin }) {
  return { title: `/${verb}`, rest, help: help?.[speaks()] ?? help?.en ?? "", admin };
}

function argumentsOf(verb) {
  const names = () => labels().map(({ name }) => name);
  const alive = (state.overview?.jobs ?? []).filter((job) => ["queued", "running"].includes(job.state));
  const known = {
    here: () => ["en", "zh"],
    mode: () => ["shadow", "suggest"],
    label: () => [...names(), "none"],
    "labels rename": names, "labels merge": names, "labels remove": names, "labels emoji": names,
    retrain: () => ["auto", "frozen", "lora", "full", "qlora", "int8", "epochs=3", "recipe=tuned"],
    distill: () => ["static", "lstm", "gru", "light"],
    pretrain: () => ["10", "30", "60"],
    tune: () => ["10", "30", "60"],
    evaluate: () => (state.overview?.versions ?? []).map(({ id }) => String(id)),
    cancel: () => alive.map(({ id }) => String(id)),
    promote: () => (state.overview?.versions ?? []).map(({ id }) => String(id)),
    forget: () => [...new Set([...state.lines.values()].filter(({ bot }) => !bot).map(({ author }) => `@${author.name}`))],
  };
  return known[verb]?.() ?? [];
}

function suggest() {
  chosen = -1;
  offers = field.value === dismissed ? [] : offersFor(field.value);
  render();
}

function render() {
  box.hidden = offers.length === 0;
  field.setAttribute("aria-expanded", String(offers.length > 0));
  box.replaceChildren(...offers.map((offer, index) => row(offer, index)));
  if (offers[chosen]?.whole) field.setAttribute("aria-activedescendant", `offer-${chosen}`);
  else field.removeAttribute("aria-activedescendant");
  box.children[chosen]?.scrollIntoView({ block: "nearest" });
}

function row(offer, index) {
  const takes = offer.whole !== null;
  return make("div", {
    class: takes ? "offer" : "offer about", id: `offer-${index}`, role: "option", "aria-selected": String(takes && index === chosen),
    onpointerdown: (event) => {
      event.preventDefault();
      if (takes) take(offer);
    },
  },
  make("b", {}, offer.title), offer.rest ? make("span", { class: "rest" }, ` ${offer.rest}`) : null,
  offer.admin ? make("span", { class: "badge" }, word("admin")) : null, make("span", { class: "help" }, offer.help));
}

function take(offer) {
  field.value = offer.whole;
  dismissed = offer.whole.endsWith(" ") ? "" : offer.whole;
  grow();
  suggest();
  field.focus();
}

function submit() {
  const text = field.value;
  if (!text.trim()) return;
  const replyTo = state.replyTo;
  if (/^\/\s*$/.test(text)) run("help", replyTo);
  else if (/^\/\s*[\p{L}?]/u.test(text)) run(text.slice(1).trim(), replyTo);
  else say(text, replyTo);
  field.value = "";
  dismissed = "";
  setReply(null);
  grow();
  suggest();
}

// Enter takes an offer only while the verb is still unfinished; a whole verb is sent.
function unfinished() {
  const offer = offers[chosen];
  return offer?.whole && offer.whole.trim() !== field.value.trim();
}

field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const takeable = offers.filter((offer) => offer.whole).length;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && takeable) {
    chosen = chosen < 0 && step < 0 ? takeable - 1 : (chosen + step + takeable) % takeable;
    render();
  } else if (event.key === "ArrowUp" && !field.value) focusLast();
  else if (event.key === "Tab" && !event.shiftKey && takeable) take(offers[Math.max(0, chosen)]);
  else if (event.key === "Escape" && offers.length) {
    dismissed = field.value;
    suggest();
  } else if (event.key === "Escape" && state.replyTo) setReply(null);
  else if (event.key === "Enter" && !event.shiftKey) {
    if (unfinished()) take(offers[chosen]);
    else submit();
  } else return;
  event.preventDefault();
});

field.addEventListener("input", () => {
  dismissed = "";
  grow();
  suggest();
});
field.addEventListener("blur", () => {
  offers = [];
  render();
});
field.addEventListener("focus", suggest);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  field.focus();
});

function grow() {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, 200)}px`;
}

export function setReply(line) {
  state.replyTo = line?.message_id ?? null;
  banner.hidden = !line;
  if (!line) return;
  document.getElementById("replyingTo").textContent = word("replyingTo", { name: line.author.name, text: line.text.slice(0, 80) });
  field.focus();
}

// Put a command into the field, for whoever clicked on it to finish and send.
export function type(text) {
  field.value = text;
  dismissed = "";
  grow();
  field.focus();
  suggest();
}

// A refused message goes back into the field, so that nothing typed is lost.
export function giveBack(text) {
  if (!field.value) field.value = text;
  grow();
}

document.getElementById("replyOff").addEventListener("click", () => {
  setReply(null);
  field.focus();
});

// Brings the parts together: events in, the page out.

import { doing, run, show, showAll } from "./channel.js";
import { giveBack, setReply, type } from "./composer.js";
import { connect, drop, pending } from "./connection.js";
import { make } from "./dom.js";
import { preparePanel, showPanel } from "./panel.js";
import { apply, load, me, rename, state } from "./state.js";
import { has, speak, speaks, translate, word } from "./words.js";

const byId = (id) => document.getElementById(id);
let link = "linking";

// ── events in ────────────────────────────────────────────────────────────────────────────────────

const HANDLERS = {
  hello(event) {
    state.verbs = event.verbs;
    state.overview = event.overview;
    state.sample = event.sample;
    byId("room").textContent = `#${event.channel}`;
    load(event.lines, pending());
    showAll();
    showPanel();
    showSample();
    showWaiting();
  },
  lines(event) {
    load(event.lines, pending());
    showAll();
  },
  overview({ overview }) {
    const renamed = JSON.stringify(overview.labels.map(({ id, name, emoji }) => [id, name, emoji]));
    const before = JSON.stringify(state.overview?.labels.map(({ id, name, emoji }) => [id, name, emoji]));
    state.overview = overview;
    showPanel();
    showWaiting();
    if (renamed !== before) for (const id of state.lines.keys()) show(id);
  },
  sample(event) {
    state.sample = event;
    showSample();
  },
  ack({ stored, action }) {
    if (!stored && action && action.kind !== "say") toast(word("notStored"));
  },
  refused({ code, why, action }) {
    toast(has(code) ? word(code) : why);
    if (action?.kind !== "say") return;
    state.lines.delete(action.id);
    show(action.id);
    giveBack(action.text);
  },
  later: ({ why }) => toast([why, word("retrying")].filter(Boolean).join(" ")),
  notice: ({ why }) => why && toast(why),
};

function hear(event) {
  if (HANDLERS[event.kind]) return HANDLERS[event.kind](event);
  const id = apply(event);
  if (id) show(id);
}

function linkChanged(now) {
  link = now;
  byId("link").textContent = word(now);
  byId("link").className = `link ${now}`;
}

const toasted = new Set();

function toast(text) {
  if (toasted.has(text)) return;
  toasted.add(text);
  const slip = make("p", { class: "toast" }, text);
  byId("toasts").append(slip);
  setTimeout(() => {
    slip.remove();
    toasted.delete(text);
  }, 6000);
}

// ── the header ───────────────────────────────────────────────────────────────────────────────────

function showSample() {
  const { playing, done, total } = state.sample;
  const button = byId("play");
  button.classList.toggle("playing", playing);
  button.style.setProperty("--done", total ? done / total : 0);
  button.textContent = playing ? `${word("stop")} · ${done}/${total}` : word("playShort");
  button.title = playing ? word("playing", { done, total }) : word("play");
  byId("playFirst").disabled = playing;
}

// Silence for want of a worker is not the silence of a bot that is unsure.
function showWaiting() {
  const count = state.overview?.waiting ?? 0;
  byId("hint").textContent = count ? word("waiting", { count }) : word("hint");
  byId("hint").classList.toggle("waiting", count > 0);
}

async function playOrStop() {
  const answer = await fetch("/sample", { method: state.sample.playing ? "DELETE" : "POST" }).catch(() => null);
  const body = await answer?.json().catch(() => null);
  if (!answer?.ok) toast(body?.why ?? word("lost"));
}

function chooseLanguage(language) {
  speak(language);
  retell();
}

function retell() {
  translate();
  for (const button of document.querySelectorAll(".tongue")) button.setAttribute("aria-pressed", String(button.dataset.language === speaks()));
  linkChanged(link);
  showAll();
  showPanel();
  showSample();
  showWaiting();
}

function openDrawer(open) {
  document.body.classList.toggle("drawer-open", open);
  byId("drawer").setAttribute("aria-expanded", String(open));
}

byId("play").addEventListener("click", playOrStop);
byId("playFirst").addEventListener("click", playOrStop);
byId("enable").addEventListener("click", () => run("here", null));
byId("drawer").addEventListener("click", () => openDrawer(!document.body.classList.contains("drawer-open")));
document.addEventListener("keydown", ({ key }) => key === "Escape" && openDrawer(false));
for (const button of document.querySelectorAll(".tongue")) button.addEventListener("click", () => chooseLanguage(button.dataset.language));

const name = byId("name");
name.value = me();
name.addEventListener("change", () => {
  name.value = rename(name.value);
  showAll();
});
name.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault(); // or the Enter would go on into the message field
  byId("words").focus();
});

doing.reply = setReply;
doing.type = type;
preparePanel((text) => {
  if (text === "ask") openDrawer(false); // on a phone the panel would hide the question
  run(text, null);
});
retell();
connect(hear, linkChanged);
if (matchMedia("(hover: hover)").matches) byId("words").focus();
window.backchannel = { drop };

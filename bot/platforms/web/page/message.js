// One message: who, when, what, and in a row of fixed height below it what kind people and the bot say it is.

import { hue, make, pictured, prose, refill } from "./dom.js";
import { labelOf, me, state, verbIn } from "./state.js";
import { clock, percent, word } from "./words.js";

const LONG = 1200; // characters; more is folded

export function createMessage(line) {
  const item = make("li", { class: "message", tabindex: "-1" });
  item.append(
    avatar(line),
    make("div", { class: "body" },
      make("div", { class: "byline" }), make("div", { class: "text" }), make("div", { class: "extras" }), make("div", { class: "marks" })),
    make("div", { class: "tools" }),
  );
  return item;
}

function avatar(line) {
  if (line.bot) return make("img", { class: "avatar", src: "/page/mark.svg", alt: "" });
  const face = make("span", { class: "avatar", "aria-hidden": "true" }, [...line.author.name.trim()][0]?.toUpperCase() ?? "?");
  face.style.setProperty("--hue", hue(line.author.id));
  return face;
}

export function updateMessage(item, line, act) {
  const tools = act.editing === line.message_id ? "editing" : "";
  item.className = ["message", line.bot && "bot", line.command && "command", line.sending && "sending", line.deleted && "gone", tools]
    .filter(Boolean).join(" ");
  const [, body, bar] = item.children;
  const [byline, text, extras, marks] = body.children;
  refill(byline, ...bylineOf(line));
  if (!tools) refill(text, ...textOf(line, item, act));
  updateExtras(extras, line, act);
  refill(marks, ...(line.deleted || line.bot || line.command ? [] : marksOf(line, act)));
  refill(bar, ...toolsOf(line, act));
}

function bylineOf(line) {
  const at = new Date(line.at * 1000);
  return [
    make("b", { class: "name" }, line.author.name || line.author.id),
    line.bot ? make("span", { class: "badge" }, word("bot")) : null,
    make("time", { datetime: at.toISOString(), title: at.toLocaleString() }, clock(line.at)),
    line.edited && !line.deleted && !line.bot ? make("span", { class: "note", title: line.former ?? null }, word("edited")) : null,
    line.sending ? make("span", { class: "note" }, word("sending")) : null,
    line.unstored ? make("span", { class: "note warn" }, word("unstored")) : null,
  ];
}

function textOf(line, item, act) {
  if (line.deleted) return [word("gone")];
  const first = line.reply_to && state.lines.get(line.reply_to);
  const repeated = line.bot && first && line.text.includes(first.text.replace(/\s+/g, " ").slice(0, 100));
  const quote = first && !repeated ? make("div", { class: "quote" }, `${first.author.name}: ${first.text.slice(0, 120)}`) : null;
  const folded = line.text.length > LONG && !act.unfolded.has(line.message_id);
  const fold = line.text.length > LONG
    ? make("button", { type: "button", class: "link-button", "data-key": "fold", onclick: () => act.fold(line.message_id) }, word(folded ? "more" : "less"))
    : null;
  return [quote, make("span", {}, ...prose(folded ? `${line.text.slice(0, LONG)}…` : line.text, line.bot ? verbOr(act) : undefined)), fold && make("br"), fold];
}

// Where the bot names a verb, here it is typed with a slash, and a click types it.
function verbOr(act) {
  return (code) => {
    const verb = verbIn(code);
    if (!verb) return make("code", {}, code);
    const typed = /[<[|…]/.test(code) ? `/${verb} ` : `/${code}`;
    return make("button", { type: "button", class: "verb", "data-key": code, title: word("typeIt"), onclick: () => act.type(typed) }, `/${code}`);
  };
}

function updateExtras(extras, line, act) {
  const progress = line.progress;
  let bar = extras.querySelector(".progress");
  if (progress === null || progress === undefined) bar?.remove();
  else {
    if (!bar) extras.prepend((bar = make("div", { class: "progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, make("i"))));
    bar.setAttribute("aria-valuenow", Math.round(progress * 100));
    bar.setAttribute("aria-label", line.text.slice(0, 80));
    bar.firstChild.style.transform = `scaleX(${Math.min(1, Math.max(0, progress))})`;
  }
  let rest = extras.querySelector(".choices");
  if (!rest) extras.append((rest = make("div", { class: "choices" })));
  const choices = (line.choices ?? []).map((choice) =>
    make("button", { type: "button", class: "choice", "data-key": choice.value, onclick: () => act.press(line, choice) }, choice.text),
  );
  refill(rest, ...choices, line.alt ? pictureOf(line) : line.filename ? fileOf(line) : null);
}

// A picture lives as long as the page is open; what is on it is kept in words.
function pictureOf(line) {
  if (line.picture) return make("img", { src: line.picture, alt: line.alt, class: "picture" });
  return line.alt === line.text ? null : make("span", { class: "note" }, line.alt);
}

function fileOf(line) {
  if (line.content === undefined || line.content === null) return make("span", { class: "note" }, word("downloadAgain", { name: line.filename }));
  line.url ??= URL.createObjectURL(new Blob([line.content], { type: "text/plain;charset=utf-8" }));
  return make("a", { class: "choice", href: line.url, download: line.filename, "data-key": "file" }, word("download", { name: line.filename }));
}

function marksOf(line, act) {
  const mine = me();
  const chips = [...line.people].map(([emoji, people]) => chipOf(line, emoji, people, people.has(mine), act));
  const usable = !line.sending && !line.unstored;
  const add = usable && make("button", {
    type: "button", class: "add", "data-key": "add", "aria-label": word("react"), title: word("react"), "aria-haspopup": "dialog",
    onclick: (event) => act.pick(line, event.currentTarget),
  }, plus());
  return [line.mark ? markOf(line, act) : null, ...chips, add || null];
}

function plus() {
  return make("span", { class: "plus", "aria-hidden": "true" }, "＋");
}

function markOf(line, act) {
  const { emoji, label, probability, guess } = line.mark;
  const what = word(guess ? "guesses" : "predicts", { label, percent: percent(probability) });
  const title = word("confirm", { what });
  return make("button", {
    type: "button", class: guess ? "mark guess" : "mark", "data-key": "bot", title, "aria-label": title,
    onclick: () => act.react(line, emoji, !line.people.get(emoji)?.has(me())),
  },
  make("span", { class: "emoji" }, pictured(emoji)),
  make("span", { class: "what" }, label),
  make("span", { class: "sure" }, guess ? `${word("guess")} ${percent(probability)}` : percent(probability)));
}

function chipOf(line, emoji, people, mine, act) {
  const label = labelOf(emoji)?.name ?? "";
  const title = `${word("byPeople", { emoji, label, names: [...people].join(", ") })} · ${word(mine ? "leave" : "join")}`;
  return make("button", {
    type: "button", class: mine ? "chip mine" : "chip", "data-key": `chip ${emoji}`, "aria-pressed": String(mine), title, "aria-label": title,
    onclick: () => act.react(line, emoji, !mine),
  }, make("span", { class: "emoji" }, pictured(emoji)), make("span", { class: "count" }, String(people.size)));
}

function toolsOf(line, act) {
  if (line.deleted || line.command || line.sending || line.unstored) return [];
  const tool = (key, name, onclick) =>
    make("button", { type: "button", class: "tool", "data-key": key, onclick }, name);
  const own = !line.bot && line.author.id === me();
  const sure = act.sure === line.message_id;
  return [
    line.bot ? null : tool("reply", word("reply"), () => act.reply(line)),
    own ? tool("edit", word("edit"), () => act.edit(line)) : null,
    own ? tool("delete", word(sure ? "sure" : "remove"), () => act.remove(line)) : null,
  ];
}

// Turn the text of one's own message into a field; Enter saves, Escape leaves it as it was (`done(null)`).
export function openEditor(item, act, done) {
  const field = make("textarea", { rows: "2", "aria-label": word("edit"), oninput: () => (act.draft = field.value) });
  field.value = act.draft;
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done(null);
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) done(field.value);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const row = make("div", { class: "editor-row" },
    make("button", { type: "button", class: "primary small", onclick: () => done(field.value) }, word("save")),
    make("button", { type: "button", class: "quiet small", onclick: () => done(null) }, word("keep")));
  item.querySelector(".text").replaceChildren(field, row);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

// The reaction picker: the labels, each with its emoji. An emoji is a label.

import { keep, make, pictured } from "./dom.js";
import { labels, me } from "./state.js";
import { word } from "./words.js";

let open = null; // {dialog, anchor}

export function closePicker() {
  if (!open) return;
  const { dialog, anchor } = open;
  const inside = dialog.contains(document.activeElement);
  open = null;
  dialog.remove();
  if (inside && anchor.isConnected) anchor.focus({ preventScroll: true });
}

export function openPicker(line, anchor, choose) {
  if (open?.anchor === anchor) return closePicker();
  closePicker();
  const dialog = make("div", { class: "picker", role: "dialog", "aria-label": word("pickerTitle") },
    make("p", { class: "picker-hint" }, make("b", {}, word("pickerTitle")), " · ", word("pickerHint")));
  const grid = make("div", { class: "picker-grid" });
  dialog.append(labels().length ? grid : make("p", { class: "note" }, word("noLabels")));
  keep(grid, labels().filter((label) => label.emoji), (label) => label.id, (label) => option(label, line, choose), () => {});
  dialog.addEventListener("keydown", walk);
  document.body.append(dialog);
  place(dialog, anchor);
  open = { dialog, anchor };
  (grid.firstElementChild ?? dialog).focus();
}

function option(label, line, choose) {
  const mine = line.people.get(label.emoji)?.has(me()) ?? false;
  const number = labels().indexOf(label) + 1;
  return make("button", {
    type: "button", class: mine ? "option mine" : "option", "aria-pressed": String(mine), title: label.description,
    onclick: () => {
      choose(label.emoji, !mine);
      closePicker();
    },
  },
  make("span", { class: "emoji" }, pictured(label.emoji)), make("span", { class: "option-name" }, label.name),
  number < 10 ? make("kbd", {}, String(number)) : null);
}

function place(dialog, anchor) {
  const at = anchor.getBoundingClientRect();
  const width = dialog.offsetWidth;
  const height = dialog.offsetHeight;
  const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const top = at.top - height - 6 > 8 ? at.top - height - 6 : Math.min(at.bottom + 6, innerHeight - height - 8);
  dialog.style.left = `${left}px`;
  dialog.style.top = `${Math.max(8, top)}px`;
}

function walk(event) {
  const options = [...event.currentTarget.querySelectorAll(".option")];
  const at = options.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" || event.key === "Tab") closePicker();
  else if (step) options[(at + step + options.length) % options.length]?.focus();
  else if (/^[1-9]$/.test(event.key)) options[Number(event.key) - 1]?.click();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

document.addEventListener("pointerdown", ({ target }) => {
  if (open && !open.dialog.contains(target) && !open.anchor.contains(target)) closePicker();
});

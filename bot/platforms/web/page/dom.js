// Building the page. Text only ever becomes text nodes: nothing here parses HTML.

export function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

export function draw(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// Replace what an element holds, and leave the keyboard where it was.
export function refill(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  if (held !== undefined) {
    const same = [...element.querySelectorAll("[data-key]")].find((child) => child.dataset.key === held);
    (same ?? element.closest("[tabindex]"))?.focus({ preventScroll: true });
  }
}

// Keep one element per item, so that what is there stays there and can move.
export function keep(parent, items, key, create, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.item, child]));
  items.forEach((item, index) => {
    const name = String(key(item));
    let element = old.get(name);
    if (!element) {
      element = create(item);
      element.dataset.item = name;
    }
    old.delete(name);
    update(element, item);
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  for (const element of old.values()) element.remove();
}

// Neutral emoji have lost their variation selector; without it a browser may draw ❤ as black text.
export function pictured(emoji) {
  return /^\p{Emoji}$/u.test(emoji) && !/^\p{Emoji_Presentation}$/u.test(emoji) ? `${emoji}\uFE0F` : emoji;
}

export function bare(emoji) {
  return emoji.replace(/[\uFE0E\uFE0F]/g, "");
}

// `code` between backquotes is set as code, or as `coded` makes it; everything else as it is.
export function prose(text, coded = (code) => make("code", {}, code)) {
  return text.split(/(`[^`\n]+`)/).map((part) =>
    part.length > 2 && part.startsWith("`") && part.endsWith("`") ? coded(part.slice(1, -1)) : part,
  );
}

export function hue(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

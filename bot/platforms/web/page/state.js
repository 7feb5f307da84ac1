// What the page knows, and how each event changes it. Nothing here touches the document.

export const state = {
  lines: new Map(), // message id → line, in the order of the showing
  early: new Map(), // message id → the bot's mark that came before its message
  overview: null,
  verbs: [],
  sample: { playing: false, done: 0, total: 0 },
  replyTo: null,
};

export function me() {
  return sessionStorage.getItem("backchannel.name") ?? localStorage.getItem("backchannel.name") ?? newcomer();
}

function newcomer() {
  const name = `Guest ${10 + Math.floor(Math.random() * 90)}`;
  sessionStorage.setItem("backchannel.name", name);
  return name;
}

// A tab is a person: another tab may be somebody else. A new tab begins with the latest name.
export function rename(typed) {
  const name = typed.normalize("NFC").replace(/\s+/g, " ").trim().slice(0, 40);
  if (!name) return me();
  sessionStorage.setItem("backchannel.name", name);
  localStorage.setItem("backchannel.name", name);
  return name;
}

export function labels() {
  return state.overview?.labels ?? [];
}

// The longest verb with which a line begins, if it begins with one.
export function verbIn(text) {
  const fits = state.verbs.map(({ verb }) => verb).filter((verb) => text === verb || text.startsWith(`${verb} `));
  return fits.sort((a, b) => b.length - a.length)[0];
}

export function labelOf(emoji) {
  return labels().find((label) => label.emoji === emoji);
}

function received(line) {
  const people = new Map((line.reactions ?? []).map(({ emoji, people }) => [emoji, new Set(people)]));
  return { ...line, people, mark: markOf(line.prediction) };
}

function markOf(prediction) {
  return prediction?.shown && prediction.emoji ? prediction : null;
}

// The store's lines replace ours; what only this page saw (commands, things not stored, not yet sent) stays.
export function load(lines, pending) {
  const kept = [...state.lines.values()].filter((line) => line.local || pending.has(line.message_id));
  state.lines = new Map(lines.map((line) => [line.message_id, received(line)]));
  for (const line of kept) if (!state.lines.has(line.message_id)) state.lines.set(line.message_id, line);
  state.lines = new Map([...state.lines].sort(([, a], [, b]) => a.at - b.at));
}

// Each returns the id of the message that changed, if one did.
const CHANGES = {
  line({ line, stored }) {
    const before = state.lines.get(line.message_id);
    const mark = before?.mark ?? state.early.get(line.message_id) ?? null;
    state.early.delete(line.message_id);
    const people = before?.people ?? new Map();
    state.lines.set(line.message_id, { ...received(line), people, mark, sending: false, local: !stored, unstored: !stored });
    return line.message_id;
  },
  command({ line, stored }) {
    if (state.lines.has(line.message_id)) return null;
    state.lines.set(line.message_id, { ...received(line), command: true, local: true, unstored: !stored });
    return line.message_id;
  },
  edited: ({ message_id, text }) => change(message_id, { text, edited: true, former: state.lines.get(message_id)?.text }),
  deleted: ({ message_id }) => change(message_id, { text: "", deleted: true, mark: null, people: new Map() }),
  react({ message_id, emoji, label, probability, guess }) {
    const mark = emoji ? { emoji, label, probability, guess } : null;
    if (!state.lines.has(message_id)) {
      state.early.set(message_id, mark);
      if (state.early.size > 500) state.early.delete(state.early.keys().next().value);
    }
    return change(message_id, { mark });
  },
  reaction({ message_id, emoji, person, added }) {
    const line = state.lines.get(message_id);
    if (!line) return null;
    const people = line.people.get(emoji) ?? new Set();
    if (added) people.add(person);
    else people.delete(person);
    if (people.size) line.people.set(emoji, people);
    else line.people.delete(emoji);
    return message_id;
  },
  edit_post: ({ message_id, text, choices, progress }) => change(message_id, { text, choices, progress }),
};

function change(id, changes) {
  const line = state.lines.get(id);
  if (!line) return null;
  Object.assign(line, changes);
  return id;
}

export function apply(event) {
  return CHANGES[event.kind]?.(event) ?? null;
}

// What it knows: mode, head, labels, accuracy, versions, jobs. Redrawn where the overview changed.

import { accuracyChart, versionChart } from "./charts.js";
import { keep, make, pictured, refill } from "./dom.js";
import { state } from "./state.js";
import { clock, has, percent, word } from "./words.js";

const panel = document.getElementById("panel");
const sections = {};
let command = () => {};

export function preparePanel(run) {
  command = run;
  for (const name of ["mode", "labels", "accuracy", "versions", "jobs"]) {
    sections[name] = make("div", { class: "content" });
    const heading = make("h2", { "data-word": name });
    panel.append(make("section", { class: `card ${name}` }, heading, sections[name]));
  }
}

export function showPanel() {
  const seen = state.overview;
  if (!seen) return;
  document.getElementById("banner").hidden = seen.enabled;
  redraw("mode", [seen.mode, seen.labelled, seen.messages, seen.head_revision, seen.disputed], () => modeOf(seen));
  showLabels(seen.labels);
  redraw("accuracy", [seen.accuracy, seen.coverage, seen.precision], () => accuracyOf(seen));
  redraw("versions", seen.versions, () => versionsOf(seen.versions));
  showJobs(seen.jobs);
}

// Draw a section again only when what it shows, or the language, has changed.
function redraw(name, shown, content) {
  const print = JSON.stringify([document.documentElement.lang, shown]);
  if (sections[name].dataset.print === print) return;
  sections[name].dataset.print = print;
  refill(sections[name], ...content());
}

function knows(verb) {
  return state.verbs.some((one) => one.verb === verb);
}

function action(verb, text, name, key = text) {
  return knows(verb) ? make("button", { type: "button", class: "quiet small", "data-key": key, onclick: () => command(text) }, name) : null;
}

function modeOf({ mode, labelled, messages, disputed, head_revision: revision }) {
  const choice = (name) => make("button", {
    type: "button", class: "segment", "data-key": name, "aria-pressed": String(mode === name), onclick: () => command(`mode ${name}`),
  }, word(name));
  const learned = labelled ? word("headLearned", { labelled, messages, revision }) : word("headEmpty");
  return [
    make("div", { class: "segments", role: "group", "aria-label": word("mode") }, choice("shadow"), choice("suggest")),
    make("p", { class: "note" }, word(mode === "suggest" ? "suggestHelp" : "shadowHelp")),
    make("p", { class: "note" }, make("b", {}, `${word("head")}: `), learned),
    disputed ? make("p", { class: "note warn" }, word("disputed", { count: disputed })) : null,
    make("div", { class: "row" }, action("ask", "ask", word("ask"))),
  ];
}

function showLabels(labels) {
  const holder = sections.labels;
  if (!labels.length) return refill(holder, make("p", { class: "note" }, word("noLabels")));
  let rows = holder.querySelector(".bars");
  if (!rows) refill(holder, (rows = make("div", { class: "bars" })));
  const most = Math.max(1, ...labels.map(({ count }) => count));
  keep(rows, labels, ({ id }) => id,
    () => make("div", { class: "bar" }, make("span", { class: "emoji" }), make("span", { class: "bar-name" }), make("span", { class: "count" }), make("i", {}, make("b"))),
    (row, { name, emoji, count, description }) => {
      const [picture, title, number, track] = row.children;
      row.title = description ? `${name}: ${description}` : name;
      picture.textContent = emoji ? pictured(emoji) : "";
      title.textContent = name;
      number.textContent = String(count);
      track.firstChild.style.transform = `scaleX(${count / most})`;
    });
}

// null is not 0%: while there is too little to count, the page says that it does not know.
function spokenOf({ coverage, precision }) {
  if (coverage === null) return [make("p", { class: "note spoken" }, word("coverageUnknown"))];
  const figures = { coverage: percent(coverage), precision: percent(precision ?? 0) };
  const sentence = word(precision === null ? "coverageAlone" : "coverage", figures);
  return [make("p", { class: "figure spoken" }, sentence), make("p", { class: "note" }, word("coverageHelp"))];
}

function accuracyOf(seen) {
  return [...spokenOf(seen), ...curveOf(seen.accuracy)];
}

function curveOf(points) {
  if (!points.length) return [make("p", { class: "note" }, word("accuracyEmpty"))];
  const last = points.at(-1);
  const now = word("accuracyNow", { percent: percent(last.accuracy), labels: last.labels });
  return [make("p", { class: "figure" }, now), accuracyChart(points, `${word("accuracy")}: ${now}`), make("p", { class: "note" }, word("accuracyHelp"))];
}

function scoreOf({ metrics }) {
  const number = [metrics?.accuracy, metrics?.macro_f1].find((value) => typeof value === "number");
  return number ?? null;
}

function versionsOf(versions) {
  const scored = versions.map((version) => ({ ...version, score: scoreOf(version) })).sort((a, b) => a.id - b.id);
  const measured = scored.some(({ score }) => score !== null);
  const rows = [...scored].reverse().slice(0, 6).map((version) => make("div", { class: `version ${version.state}`, title: version.note ?? "" },
    make("b", {}, `v${version.id}`), make("span", {}, version.method === "base" ? word("base") : version.method),
    make("span", { class: "badge" }, has(version.state) ? word(version.state) : version.state),
    make("span", { class: "count" }, version.score === null ? clock(version.created_at) : percent(version.score)),
    version.state === "active" ? null : action("promote", `promote ${version.id}`, word("promote"))));
  const back = versions.length > 1 ? action("rollback", "rollback", word("rollback")) : null;
  return [
    measured ? versionChart(scored.slice(-6), word("versions")) : null,
    make("div", { class: "versions-list" }, ...rows),
    make("div", { class: "row" }, action("retrain", "retrain", word("retrain")), back),
  ];
}

function showJobs(jobs) {
  const holder = sections.jobs;
  if (!jobs.length) return refill(holder, make("p", { class: "note" }, word("noJobs")));
  let rows = holder.querySelector(".jobs-list");
  if (!rows) refill(holder, (rows = make("div", { class: "jobs-list" })));
  keep(rows, jobs, ({ id }) => id, createJob, updateJob);
}

// "cross-validation 2/5" is a stage with a number behind it.
function stageOf(stage) {
  const [name, ...rest] = stage.split(" ");
  return [has(name) ? word(name) : name, ...rest].join(" ");
}

function createJob({ id }) {
  return make("div", { class: "job" }, make("div", { class: "job-line" }, make("b"), make("span", { class: "badge" }), make("span", { class: "note stage" }),
    action("cancel", `cancel ${id}`, word("cancel"), `cancel ${id}`)),
  make("div", { class: "progress", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, make("i")), make("p", { class: "note" }));
}

function updateJob(row, { id, kind, state: phase, fraction, stage, error }) {
  const alive = phase === "queued" || phase === "running";
  const [title, badge, what, cancel] = row.firstChild.children;
  const [, bar, problem] = row.children;
  title.textContent = `#${id} ${has(kind) ? word(kind) : kind}`;
  badge.textContent = has(phase) ? word(phase) : phase;
  badge.className = `badge ${phase}`;
  what.textContent = alive ? [stageOf(stage), phase === "running" ? percent(fraction) : ""].filter(Boolean).join(" · ") : "";
  if (cancel) {
    cancel.hidden = !alive;
    cancel.textContent = word("cancel");
  }
  bar.hidden = !alive;
  bar.setAttribute("aria-valuenow", Math.round(fraction * 100));
  bar.setAttribute("aria-label", `${title.textContent} ${stage}`);
  bar.firstChild.style.transform = `scaleX(${fraction})`;
  problem.textContent = error ?? "";
  problem.hidden = !error;
}

// Two small charts, drawn as inline SVG.

import { draw } from "./dom.js";
import { percent } from "./words.js";

const WIDTH = 300;
const HEIGHT = 96;
const LEFT = 36;
const BOTTOM = 16;

function frame(title) {
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": title });
  for (const share of [0, 0.5, 1]) {
    const y = height(share);
    svg.append(
      draw("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y, class: share ? "grid" : "axis" }),
      draw("text", { x: LEFT - 5, y: y + 3.5, class: "tick", "text-anchor": "end" }, percent(share)),
    );
  }
  return svg;
}

function height(share) {
  return 7 + (1 - Math.min(1, Math.max(0, share))) * (HEIGHT - BOTTOM - 7);
}

// points: [{labels, accuracy}], accuracy from 0 to 1, in order of labels.
export function accuracyChart(points, title) {
  const svg = frame(title);
  const most = Math.max(1, ...points.map((point) => point.labels));
  const across = (labels) => LEFT + 4 + (labels / most) * (WIDTH - LEFT - 10);
  const path = points.map(({ labels, accuracy }) => `${across(labels).toFixed(1)},${height(accuracy).toFixed(1)}`);
  const last = points.at(-1);
  if (points.length > 1) {
    const edge = `${across(last.labels).toFixed(1)},${height(0)} ${across(points[0].labels).toFixed(1)},${height(0)}`;
    svg.append(draw("polygon", { points: `${path.join(" ")} ${edge}`, class: "area" }), draw("polyline", { points: path.join(" "), class: "curve" }));
  }
  svg.append(
    draw("circle", { cx: across(last.labels), cy: height(last.accuracy), r: 3.5, class: "dot" }),
    draw("text", { x: LEFT, y: HEIGHT - 3, class: "tick" }, "0"),
    draw("text", { x: WIDTH, y: HEIGHT - 3, class: "tick", "text-anchor": "end" }, String(most)),
  );
  return svg;
}

// versions: [{id, state, score}], score from 0 to 1 or null where nobody has measured it.
export function versionChart(versions, title) {
  const svg = frame(title);
  const step = Math.min(44, (WIDTH - LEFT) / versions.length);
  versions.forEach(({ id, state, score }, index) => {
    const x = LEFT + 6 + index * step;
    const middle = x + (step - 10) / 2;
    const top = height(score ?? 0);
    if (score !== null) {
      svg.append(
        draw("rect", { x, y: top, width: step - 10, height: Math.max(1, height(0) - top), rx: 2, class: `pillar ${state}` }),
      );
    }
    svg.append(draw("text", { x: middle, y: HEIGHT - 3, class: "tick", "text-anchor": "middle" }, `v${id}`));
  });
  return svg;
}

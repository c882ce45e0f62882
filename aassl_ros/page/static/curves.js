// Curves over time, drawn on canvases: losses, RankMe, probe accuracy, and the evaluator's accuracy and latency.
const byId = (id) => document.getElementById(id);
const MOST = 4000;
const CHARTS = [
  { title: "loss", of: ["loss", "contrastive", "action"] },
  { title: "RankMe of the batch", of: ["rankme"] },
  { title: "probe accuracy", of: ["probe_accuracy"] },
  { title: "accuracy, left-out objects", of: ["accuracy_left_out"] },
  { title: "latency of an answer, ms", of: ["latency_ms"] },
];
let points = [];
let fresh = false;

export function newPoints(added, shift) {
  points.push(...added.map((point) => ({ ...point, at: point.at + shift })));
  if (points.length > MOST) points = points.filter((_, index) => index % 2 === 0 || index > MOST / 2);
  const step = added.findLast((point) => point.step !== undefined)?.step;
  if (step !== undefined) byId("step").textContent = `step ${step}`;
  fresh = true;
}

// After a new connection the page node sends all its points again.
export function forgetPoints() {
  points = [];
}

export function drawCurves(now) {
  if (!fresh) return;
  fresh = false;
  byId("no-curves").hidden = points.some((point) => point.loss !== undefined);
  for (const chart of CHARTS) draw(chart, now);
}

function draw(chart, now) {
  const lines = chart.of.map((name) => points.filter((point) => point[name] !== undefined).map((point) => [point.at, point[name]]));
  if (lines.every((line) => line.length === 0)) return;
  chart.figure ??= make(chart);
  const canvas = chart.figure.querySelector("canvas");
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const style = getComputedStyle(document.documentElement);
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  const values = lines.flat().map((point) => point[1]);
  const [low, high] = bounds(values);
  const begin = Math.min(...lines.filter((line) => line.length).map((line) => line[0][0]));
  const end = Math.max(now, begin + 10);
  const area = { left: 46, right: width - 6, top: 6, bottom: height - 20 };
  const x = (at) => area.left + ((at - begin) / (end - begin)) * (area.right - area.left);
  const y = (value) => area.bottom - ((value - low) / (high - low)) * (area.bottom - area.top);
  drawAxes(context, style, area, low, high, y, end - begin);
  lines.forEach((line, index) => {
    context.strokeStyle = style.getPropertyValue(`--curve-${index + 1}`);
    context.lineWidth = 2;
    context.beginPath();
    line.forEach(([at, value], place) => (place ? context.lineTo(x(at), y(value)) : context.moveTo(x(at), y(value))));
    context.stroke();
    if (line.length) chart.values[index].textContent = line.at(-1)[1].toPrecision(4);
  });
}

function bounds(values) {
  let low = values.reduce((one, other) => Math.min(one, other));
  let high = values.reduce((one, other) => Math.max(one, other));
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

function drawAxes(context, style, area, low, high, y, seconds) {
  context.strokeStyle = style.getPropertyValue("--line");
  context.fillStyle = style.getPropertyValue("--quiet");
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const share of [0.1, 0.5, 0.9]) {
    const value = low + share * (high - low);
    context.beginPath();
    context.moveTo(area.left, y(value));
    context.lineTo(area.right, y(value));
    context.stroke();
    context.fillText(value.toPrecision(3), area.left - 5, y(value));
  }
  context.textBaseline = "top";
  context.fillText("now", area.right, area.bottom + 4);
  context.textAlign = "left";
  const ago = seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
  context.fillText(`${ago} ago`, area.left, area.bottom + 4);
}

function make(chart) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  chart.values = chart.of.map((name, index) => {
    const label = document.createElement("span");
    label.className = `curve-${index + 1}`;
    const value = document.createElement("b");
    label.append(`${chart.of.length > 1 ? name : chart.title} `, value);
    caption.append(label);
    return value;
  });
  figure.append(caption, document.createElement("canvas"));
  byId("curves").append(figure);
  return figure;
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (fresh = true));
addEventListener("resize", () => (fresh = true));

// The status of each node: what it says, its rates, losses and synchronisation, and all values if one opens it.
import { newStep } from "./camera.js";

const byId = (id) => document.getElementById(id);
const SILENT_S = 3.5;
const nodes = new Map();
// Facts that are always shown; the others are in the table.
const SHOWN = /(^|_)(hz|rate|per_s|lag|latency|speed|received|written|dropped|lost|passed_over|unreadable|without_sample|kept|unanswered)(_|$)|^bracket_ms_median$/;
// The unit in a key, such as latency_ms_max; updates_per_s has none.
const UNIT = /(?<!per)_(hz|ms)(?=_|$)/;
const SPELT = { hz: "Hz", ms: "ms" };
const LOSSES = /passed_over|dropped|lost|unreadable|without_sample|unanswered/;

export function setUpRobot(ask) {
  for (const button of document.querySelectorAll("[data-action]")) {
    const action = button.dataset.action;
    button.addEventListener("click", () => ask({ action }, `Calling ${action}`));
  }
}

export function newNode(content, heard) {
  let node = nodes.get(content.name);
  if (node === undefined) {
    node = { element: make(content.name) };
    nodes.set(content.name, node);
    place();
  }
  Object.assign(node, { content, heard });
  if (content.name === "evaluator") newStep(content.values.step);
  show(node, performance.now() / 1000);
}

export function showNodeAges(now) {
  for (const node of nodes.values()) showAge(node, now);
}

function make(name) {
  const element = document.createElement("details");
  element.className = "node";
  const summary = document.createElement("summary");
  const dot = document.createElement("span");
  dot.className = "dot";
  const title = document.createElement("b");
  title.textContent = name;
  const message = document.createElement("span");
  message.className = "message quiet";
  const facts = document.createElement("div");
  facts.className = "facts";
  const streams = document.createElement("div");
  streams.className = "streams";
  summary.append(dot, title, message, facts, streams);
  element.append(summary, document.createElement("table"));
  element.dataset.node = name;
  return element;
}

function place() {
  const names = [...nodes.keys()].sort();
  byId("nodes").replaceChildren(...names.map((name) => nodes.get(name).element));
}

function show(node, now) {
  const values = Object.entries(node.content.values);
  const facts = values.filter(([key]) => !key.startsWith("/") && !key.includes(":") && SHOWN.test(key));
  node.element.querySelector(".facts").replaceChildren(...facts.map(fact));
  const streams = values.filter(([key, value]) => key.startsWith("/") && !/^0 received|^nothing/.test(value));
  node.element.querySelector(".streams").replaceChildren(...streams.map(stream));
  const body = document.createElement("tbody");
  for (const [key, value] of values) {
    const row = body.insertRow();
    row.insertCell().textContent = key;
    row.insertCell().textContent = value;
  }
  node.element.querySelector("table").replaceChildren(body);
  showAge(node, now);
}

function fact([key, value]) {
  const made = document.createElement("span");
  const number = document.createElement("b");
  const unit = UNIT.exec(key)?.[1] ?? "";
  number.textContent = `${shortened(value)} ${SPELT[unit] ?? ""}`.trim();
  made.append(`${key.replace(UNIT, "").replaceAll("_", " ")} `, number);
  if (LOSSES.test(key) && Number(value) > 0) made.className = "lossy";
  return made;
}

// What the recorder counts of one topic: rate, jitter, losses.
function stream([topic, counts]) {
  const made = document.createElement("div");
  const name = document.createElement("b");
  name.textContent = topic;
  made.append(name, ` ${counts}`);
  if (/\b[1-9]\d* (lost|dropped|missing|malformed)/.test(counts)) made.className = "lossy";
  return made;
}

function shortened(value) {
  const number = Number(value);
  if (value.trim() === "" || Number.isNaN(number) || Number.isInteger(number)) return value;
  return number.toPrecision(3);
}

function showAge(node, now) {
  const { name, level, message } = node.content;
  const age = now - node.heard;
  const silent = age > SILENT_S;
  const line = silent ? `silent for ${Math.round(age)} s` : message;
  const dot = `dot l${silent ? 2 : level}`;
  node.element.classList.toggle("silent", silent);
  node.element.querySelector(".message").textContent = line;
  node.element.querySelector(".dot").className = dot;
  if (name === "recorder" || name === "explorer") {
    byId(`${name}-line`).textContent = line;
    byId(`${name}-dot`).className = dot;
  }
}

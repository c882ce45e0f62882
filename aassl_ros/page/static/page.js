// The connection to the page node. Texts of the robot become text nodes only (textContent): no name can be a script.
import { newAnswer, newPicture, showCameraAges } from "./camera.js";
import { forgetPoints, newPoints, drawCurves } from "./curves.js";
import { newGallery, setUpGallery } from "./gallery.js";
import { newNode, setUpRobot, showNodeAges } from "./nodes.js";

const byId = (id) => document.getElementById(id);
const now = () => performance.now() / 1000;
const waiting = new Map();
let socket = null;
let lostAt = now();
let everConnected = false;
let nextId = 1;
let retryMs = 250;
let refused = "";

// Ask the robot for something; its answer is shown. Returns a promise of whether it was done.
export function ask(request, doing) {
  if (socket === null || socket.readyState !== WebSocket.OPEN) {
    tell("There is no connection to the page node.", true);
    return Promise.resolve(false);
  }
  const id = nextId++;
  tell(doing);
  socket.send(JSON.stringify({ id, ...request }));
  return new Promise((resolve) => waiting.set(id, resolve));
}

function tell(line, bad = false) {
  byId("told").textContent = line;
  byId("told").classList.toggle("bad", bad);
}

function connect() {
  const made = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/news`);
  made.binaryType = "blob";
  socket = made;
  made.onopen = () => {
    everConnected = true;
    forgetPoints();
    retryMs = 250;
    refused = "";
    look();
    showConnection();
  };
  made.onmessage = (event) => (typeof event.data === "string" ? take(JSON.parse(event.data)) : draw(made, event.data));
  made.onclose = (event) => {
    if (made !== socket) return;
    socket = null;
    lostAt = event.wasClean && !everConnected ? lostAt : now();
    refused = event.code === 4008 ? event.reason : "";
    for (const resolve of waiting.values()) resolve(false);
    if (waiting.size) tell("The connection was lost before the robot answered.", true);
    waiting.clear();
    showConnection();
    setTimeout(connect, retryMs);
    retryMs = Math.min(2000, retryMs * 2);
  };
}

function take(message) {
  if (message.answer_to) {
    const { id, done, line } = message.answer_to;
    tell(line, !done);
    waiting.get(id)?.(done);
    waiting.delete(id);
    return;
  }
  // Times of the node's clock become times of this browser's clock.
  const shift = now() - message.now;
  for (const [part, content] of message.parts) {
    const heard = content.heard + shift;
    if (part === "answer") newAnswer(content, heard);
    else if (part === "gallery") newGallery(content);
    else if (part.startsWith("node/")) newNode(content, heard);
  }
  if (message.points) newPoints(message.points, shift);
}

async function draw(from, blob) {
  try {
    await newPicture(blob, now());
  } finally {
    if (from.readyState === WebSocket.OPEN) from.send('{"drawn": true}');
  }
}

function look() {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ look: !document.hidden }));
}

function showConnection() {
  const open = socket?.readyState === WebSocket.OPEN;
  const pill = byId("connection");
  pill.classList.toggle("good", open);
  pill.classList.toggle("bad", !open && (everConnected || refused !== ""));
  if (open) pill.textContent = "connected";
  else if (refused) pill.textContent = refused;
  else if (everConnected) pill.textContent = `page node silent for ${Math.round(now() - lostAt)} s`;
}

document.addEventListener("visibilitychange", look);
setInterval(() => {
  showConnection();
  showCameraAges(now());
  showNodeAges(now());
  drawCurves(now());
}, 1000);
setUpGallery(ask);
setUpRobot(ask);
connect();

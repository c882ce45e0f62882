// The picture of the camera, and the answer of the evaluator.
const byId = (id) => document.getElementById(id);
const UNKNOWN = "__unknown__";
const SILENT_S = 2;
let pictureAt = null;
let answer = null;
let answerAt = null;
let step = "";

export async function newPicture(blob, at) {
  const bitmap = await createImageBitmap(blob);
  const canvas = byId("picture");
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  pictureAt = at;
  byId("no-picture").hidden = true;
}

export function newAnswer(content, heard) {
  answer = content;
  answerAt = heard;
  const unknown = content.label === UNKNOWN;
  byId("label").textContent = unknown ? "unknown object" : content.label;
  byId("label").classList.toggle("unknown", unknown);
  showScores(Object.entries(content.scores));
  showFamiliarity(content.familiarity, content.familiar_from);
  showVersion();
}

// What the evaluator's diagnostics add: the step of its checkpoint.
export function newStep(text) {
  step = text ?? "";
  if (answer !== null) showVersion();
}

export function showCameraAges(now) {
  const noPicture = byId("no-picture");
  if (pictureAt !== null && now - pictureAt > SILENT_S) {
    noPicture.textContent = `no picture for ${Math.round(now - pictureAt)} s`;
    noPicture.hidden = false;
  }
  if (answerAt !== null && now - answerAt > SILENT_S) {
    byId("label").textContent = `no answer for ${Math.round(now - answerAt)} s`;
    byId("label").classList.add("unknown");
  }
}

function showScores(scores) {
  const list = byId("scores");
  while (list.children.length > scores.length) list.lastChild.remove();
  while (list.children.length < scores.length) {
    const row = document.createElement("li");
    const track = document.createElement("span");
    track.className = "track";
    track.append(document.createElement("span"));
    const name = document.createElement("span");
    name.dir = "auto";
    row.append(name, track, document.createElement("span"));
    list.append(row);
  }
  scores.forEach(([name, score], index) => {
    const [label, track, value] = list.children[index].children;
    label.textContent = name;
    track.firstChild.style.width = `${100 * score}%`;
    value.textContent = `${(100 * score).toFixed(0)} %`;
  });
}

function showFamiliarity(value, from) {
  const known = typeof value === "number";
  byId("familiar-bar").style.width = known ? `${100 * Math.min(1, Math.max(0, value))}%` : "0";
  byId("familiar-value").textContent = known ? value.toFixed(2) : "–";
  const mark = byId("familiar-from");
  mark.hidden = typeof from !== "number";
  if (!mark.hidden) mark.style.left = `${100 * Math.min(1, Math.max(0, from))}%`;
}

function showVersion() {
  const parts = [answer.checkpoint ? `checkpoint ${answer.checkpoint.slice(0, 12)}` : "no checkpoint"];
  if (step) parts.push(`step ${step}`);
  parts.push(`${answer.latency_ms.toFixed(1)} ms`);
  byId("version").textContent = parts.join(" · ");
}

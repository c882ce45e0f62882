// Taught objects: teach, undo, rename, merge, delete.
const byId = (id) => document.getElementById(id);
let ask = null;
let news = { categories: {} };
// Lines stay while their category does: what somebody is about to press must not be replaced.
const lines = new Map();

export function setUpGallery(request) {
  ask = request;
  byId("teach").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("teach-name").value.trim();
    if (name) teach(name, Number(byId("teach-seconds").value));
  });
  byId("undo").addEventListener("click", () => ask({ gallery: { command: "undo" } }, "Undoing"));
  byId("ask-no").addEventListener("click", () => byId("ask").close());
}

export function newGallery(content) {
  news = content;
  const names = Object.keys(content.categories).sort((one, other) => one.localeCompare(other));
  showLines(names, content.categories);
  byId("nothing-taught").hidden = names.length > 0 || content.teaching !== "";
  byId("known").replaceChildren(
    ...names.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    }),
  );
  byId("undo").disabled = content.undo === "";
  byId("undo").textContent = content.undo ? `Undo: ${content.undo}` : "Undo";
  byId("lesson").hidden = content.teaching === "";
  byId("lesson-name").textContent = content.teaching;
  byId("others").hidden = content.others.length === 0;
  byId("others").textContent = `From labelled data: ${content.others.join(", ")}`;
  const facts = content.classifier ? [`classifier ${content.classifier}`] : [];
  if (content.accuracy !== null) facts.push(`${(100 * content.accuracy).toFixed(0)} % of left-out objects named`);
  if (content.calibration_error !== null) facts.push(`calibration error ${(100 * content.calibration_error).toFixed(0)} %`);
  byId("classifier").textContent = facts.join(", ");
}

async function teach(name, seconds) {
  const button = byId("teach-button");
  button.disabled = true;
  const done = await ask({ gallery: { command: "teach", category: name, seconds } }, `Turn the object: ${name}`);
  button.disabled = false;
  if (done) byId("teach-name").value = "";
}

function showLines(names, categories) {
  for (const [name, line] of lines) {
    if (Object.hasOwn(categories, name)) continue;
    line.remove();
    lines.delete(name);
  }
  const body = byId("categories").tBodies[0];
  names.forEach((name, place) => {
    if (!lines.has(name)) lines.set(name, makeLine(name));
    const line = lines.get(name);
    if (body.rows[place] !== line) body.insertBefore(line, body.rows[place] ?? null);
    const { objects, views } = categories[name];
    line.querySelector("[data-do=Merge]").disabled = names.length < 2;
    line.cells[1].textContent = `${objects} object${objects === 1 ? "" : "s"}, ${views} views`;
  });
}

function makeLine(name) {
  const line = document.createElement("tr");
  const title = line.insertCell();
  title.textContent = name;
  title.dir = "auto";
  line.insertCell();
  const cell = line.insertCell();
  cell.append(
    button("Rename", () => rename(name)),
    button("Merge", () => merge(name)),
    button("Delete", () => ask({ gallery: { command: "delete", category: name } }, `Deleting ${name}`)),
  );
  return line;
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.dataset.do = text;
  made.addEventListener("click", act);
  return made;
}

function rename(name) {
  const input = byId("ask-input");
  input.value = name;
  open(`Rename ${name} to`, input, (to) => ask({ gallery: { command: "rename", category: name, to } }, "Renaming"));
}

function merge(name) {
  const select = byId("ask-select");
  const others = Object.keys(news.categories).filter((other) => other !== name);
  select.replaceChildren(...others.map((other) => new Option(other, other)));
  open(`Put the views of ${name} into`, select, (to) => ask({ gallery: { command: "merge", category: name, to } }, "Merging"));
}

function open(text, field, act) {
  const dialog = byId("ask");
  byId("ask-text").textContent = text;
  for (const id of ["ask-input", "ask-select"]) byId(id).hidden = byId(id) !== field;
  const yes = () => {
    const value = field.value.trim();
    if (!value) return;
    dialog.close();
    act(value);
  };
  byId("ask-yes").onclick = yes;
  field.onkeydown = (event) => {
    if (event.key === "Enter") yes();
  };
  dialog.showModal();
  field.focus();
}

"use strict";
const $ = (id) => document.getElementById(id);
const make = (tag, props = {}, ...children) => {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...children);
  return e;
};
const canvas = $("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
let models = [], cursor = { x: 128, y: 128 }, drawn = false, last = 0, stroke = null;

// say tells what goes on, to screen readers too.
function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

const duration = (s) => (s >= 1 ? s.toFixed(2) + " s" : s >= 1e-3 ? (s * 1e3).toFixed(2) + " ms" : (s * 1e6).toFixed(1) + " µs");

function model() { return models.find((m) => m.name === $("model").value); }

function about() {
  const m = model();
  $("about").textContent = !m ? "" : m.why || `version ${m.version}, input ${m.input}`;
}

async function start() {
  clear();
  try {
    const answer = await fetch("page/models");
    models = await answer.json();
  } catch (e) {
    say("The server does not answer.", true);
    return;
  }
  for (const m of models) $("model").append(make("option", { value: m.name, textContent: m.name, disabled: m.why !== "" }));
  const first = models.find((m) => !m.why);
  if (first) $("model").value = first.name;
  else say("No model takes images: " + (models[0] ? models[0].why : "there is none"), true);
  about();
}

// run sends a picture and shows the answer, unless a later one was sent in the meantime.
async function run(picture, name) {
  const m = model();
  if (!m || m.why) return;
  const mine = ++last;
  say(`Running ${m.name} …`);
  try {
    const answer = await fetch("page/run?model=" + encodeURIComponent(m.name), { method: "POST", body: picture });
    const body = await answer.json();
    if (mine !== last) return;
    if (!answer.ok) throw new Error(body.error);
    show(body, name);
  } catch (e) {
    if (mine === last) { $("answer").hidden = true; say(String(e.message || e), true); }
  }
}

function show(a, name) {
  const best = a.outputs.length && a.outputs[0].top.length ? a.outputs[0].top[0] : null;
  say(best ? `${name}: ${best.label}, score ${best.text}` : `${name}: no output has classes`);
  $("thumb").src = a.image;
  $("outputs").replaceChildren(...a.outputs.map((o) => {
    if (!o.top.length) return make("p", { textContent: `${o.name} ${o.shape}` });
    const most = Math.max(...o.top.map((c) => Math.abs(c.score)), Number.MIN_VALUE);
    const rows = o.top.map((c) => {
      const bar = make("span");
      bar.style.width = (100 * Math.max(c.score, 0)) / Math.max(most, 1) + "%";
      if (most > 1) bar.style.width = (100 * Math.max(c.score, 0)) / most + "%";
      return make("tr", {}, make("th", { scope: "row", textContent: c.label }), make("td", { textContent: c.text }), make("td", { className: "bar" }, bar));
    });
    return make("table", {}, make("caption", { textContent: o.name }),
      make("thead", {}, make("tr", {}, make("th", { scope: "col", textContent: "Class" }), make("th", { scope: "col", textContent: "Score" }), make("th", { scope: "col" }))),
      make("tbody", {}, ...rows));
  }));
  const slowest = Math.max(...a.layers.map((l) => l.seconds || 0), 1e-12);
  $("timing").textContent = `One prediction took ${duration(a.seconds)}. Bars compare the layers; pictures go from the least value (black) to the greatest (white).`;
  $("layers").replaceChildren(...a.layers.map((l) => {
    const time = l.seconds !== null ? duration(l.seconds) : l.with ? "with " + l.with : "no time of its own";
    const head = make("div", { className: "head" }, make("b", { textContent: l.path }), make("span", { textContent: l.class }),
      make("span", { className: "shape", textContent: l.shape + (l.params ? `, ${l.params.toLocaleString("en")} weights` : "") }),
      make("span", { className: "time", textContent: time }));
    const li = make("li", {}, head);
    if (l.seconds !== null) {
      const bar = make("div", { className: "share" });
      bar.style.width = (100 * l.seconds) / slowest + "%";
      li.append(bar);
    }
    if (l.maps.length) {
      const maps = make("div", { className: "maps", role: "img" });
      maps.setAttribute("aria-label", l.of > 1 ? `${l.maps.length} of ${l.of} feature maps of ${l.path}` : `Values of ${l.path}`);
      for (const src of l.maps) maps.append(make("img", { src, alt: "", className: l.shape.split(",").length < 4 ? "wide" : "" }));
      li.append(maps);
      if (l.of > l.maps.length) li.append(make("p", { className: "shape", textContent: `${l.maps.length} of ${l.of} maps` }));
    }
    return li;
  }));
  $("answer").hidden = false;
}

// Drawing: white on black, as in the data that digits are trained on, or the other way round.
const ink = () => ($("dark").checked ? "#000" : "#fff");
function clear() {
  pen.fillStyle = $("dark").checked ? "#fff" : "#000";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  drawn = false;
}
function line(from, to) {
  pen.strokeStyle = ink();
  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x, to.y + 0.01);
  pen.stroke();
  drawn = true;
}
function at(e) {
  const r = canvas.getBoundingClientRect();
  return { x: ((e.clientX - r.left) * canvas.width) / r.width, y: ((e.clientY - r.top) * canvas.height) / r.height };
}
const finished = () => drawn && canvas.toBlob((b) => run(b, "Drawing"), "image/png");
canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); stroke = at(e); line(stroke, stroke); });
canvas.addEventListener("pointermove", (e) => { if (stroke) { const p = at(e); line(stroke, p); stroke = p; } });
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (stroke) { stroke = null; finished(); } });
canvas.addEventListener("keydown", (e) => {
  const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[e.key];
  if (step) {
    const from = { ...cursor };
    cursor = { x: Math.min(Math.max(cursor.x + step[0], 8), 248), y: Math.min(Math.max(cursor.y + step[1], 8), 248) };
    if (keyPen) line(from, cursor);
    canvas.setAttribute("aria-label", `Drawing, at column ${cursor.x}, row ${cursor.y}, pen ${keyPen ? "down" : "up"}`);
  } else if (e.key === " ") {
    keyPen = !keyPen;
    if (keyPen) line(cursor, cursor);
    else finished();
    say(keyPen ? "Pen down" : "Pen up");
  } else if (e.key === "Delete") {
    clear();
    say("Cleared");
  } else return;
  e.preventDefault();
});
let keyPen = false;
$("clear").addEventListener("click", () => { clear(); say("Cleared"); });
$("dark").addEventListener("change", clear);
$("file").addEventListener("change", () => { const f = $("file").files[0]; if (f) run(f, f.name); });
$("model").addEventListener("change", () => { about(); finished(); });
for (const over of ["dragenter", "dragover"]) document.addEventListener(over, (e) => { e.preventDefault(); $("drop").classList.add("over"); });
document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
document.addEventListener("drop", (e) => {
  e.preventDefault();
  $("drop").classList.remove("over");
  const f = e.dataTransfer.files[0];
  if (f) run(f, f.name);
});
start();

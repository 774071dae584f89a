// The table of chargers: asks the exporter every few seconds, keeps the last minutes of power, sorts, searches, draws.
// All text goes in by textContent: whatever a charger is called, it stays text.

const POLL_MILLISECONDS = 5000;
const ANSWER_MILLISECONDS = 20000;
const SAMPLES = 60; // with the poll above: 5 minutes
const ROWS = 100; // a page: however large the fleet, this is what is drawn
const STATES = new Map([
  ["up", (charger) => charger.up],
  ["down", (charger) => !charger.up],
  ["on", (charger) => charger.status === "on"],
  ["off", (charger) => charger.status === "off"],
  ["unknown", (charger) => charger.status === "unknown"],
]);
const STATUS_ORDER = ["on", "off", "unknown"];
const collator = new Intl.Collator("en", { numeric: true });
const SORTS = {
  charger: (a, b) => a.place - b.place,
  up: (a, b) => Number(b.up) - Number(a.up),
  status: (a, b) => STATUS_ORDER.indexOf(a.status) - STATUS_ORDER.indexOf(b.status),
  power: byNumber("power_watts"),
  energy: byNumber("session_energy_joules"),
  log: byNumber("last_log_timestamp_seconds"),
  problem: (a, b) => Number(Boolean(b.problem)) - Number(Boolean(a.problem)) || collator.compare(a.problem ?? "", b.problem ?? ""),
};

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const rows = [];
const powers = new Map(); // charger id -> its last SAMPLES powers in watts, null where it was not known
const view = { sort: "charger", descending: false, search: "", page: 0 };
let chargers = [];
let serverSeconds = 0;
let timer = 0;
let isAsking = false;

// What is not known comes last, whichever way it is sorted.
function byNumber(field) {
  return (a, b) => {
    if (a[field] === undefined || b[field] === undefined) {
      const missing = Number(a[field] === undefined) - Number(b[field] === undefined);
      return view.descending ? -missing : missing;
    }
    return a[field] - b[field];
  };
}

async function poll() {
  if (isAsking) return;
  isAsking = true;
  clearTimeout(timer);
  try {
    const answer = await fetch("api/v1/chargers", { signal: AbortSignal.timeout(ANSWER_MILLISECONDS) });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    take(await answer.json());
    page.trouble.hidden = true;
  } catch (error) {
    tellTrouble(error);
  }
  isAsking = false;
  // A page that nobody looks at asks nothing.
  if (!document.hidden) timer = setTimeout(poll, POLL_MILLISECONDS);
}

function tellTrouble(error) {
  if (!page.trouble.hidden) return;
  const why = error.message.startsWith("it answers") ? error.message : "it cannot be reached";
  page.trouble.textContent = `The exporter does not say how the chargers are since ${new Date().toLocaleTimeString()} (${why}). Trying again.`;
  page.trouble.hidden = false;
}

function take(answer) {
  serverSeconds = answer.timestamp_seconds;
  chargers = answer.chargers;
  const named = [...chargers].sort((a, b) => collator.compare(a.charger_id, b.charger_id));
  const known = new Set();
  named.forEach((charger, place) => {
    charger.place = place;
    charger.words = `${charger.charger_id} ${charger.name ?? ""} ${charger.account}`.toLowerCase();
    known.add(charger.charger_id);
    const samples = powers.get(charger.charger_id) ?? [];
    samples.push(charger.power_watts ?? null);
    if (samples.length > SAMPLES) samples.shift();
    powers.set(charger.charger_id, samples);
  });
  for (const id of powers.keys()) if (!known.has(id)) powers.delete(id);
  page.fleet.hidden = false;
  drawTotals();
  draw();
}

function drawTotals() {
  const up = chargers.filter(STATES.get("up")).length;
  const watts = sumOfKnown(chargers.map((charger) => charger.power_watts));
  // The last session of a charger that is off is over: it adds nothing, and that is known.
  const seen = chargers.filter((charger) => charger.status !== "unknown");
  const joules = sumOfKnown(seen.map((charger) => (charger.status === "on" ? charger.session_energy_joules : 0)));
  setText(page["total-chargers"], count(chargers.length));
  setText(page["total-up"], count(up));
  setText(page["total-down"], count(chargers.length - up));
  setText(page["total-on"], count(chargers.filter(STATES.get("on")).length));
  setKnown(page["total-power"], watts, () => (watts < 1e6 ? `${(watts / 1e3).toFixed(1)} kW` : `${(watts / 1e6).toFixed(2)} MW`));
  setKnown(page["total-energy"], joules, () => (joules < 3.6e9 ? `${(joules / 3.6e6).toFixed(1)} kWh` : `${(joules / 3.6e9).toFixed(2)} MWh`));
  page["total-down"].parentElement.classList.toggle("some", up < chargers.length);
}

// Undefined if none is known: 0 would say that nothing is drawn.
function sumOfKnown(values) {
  const known = values.filter((value) => value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value) : undefined;
}

function draw() {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = chargers.filter((charger) => words.every((word) => STATES.get(word)?.(charger) ?? charger.words.includes(word)));
  const way = view.descending ? -1 : 1;
  found.sort((a, b) => way * SORTS[view.sort](a, b) || a.place - b.place);

  const pages = Math.max(1, Math.ceil(found.length / ROWS));
  view.page = Math.min(view.page, pages - 1);
  const shown = found.slice(view.page * ROWS, (view.page + 1) * ROWS);
  while (rows.length < shown.length) rows.push(newRow());
  rows.forEach((row, place) => {
    row.element.hidden = place >= shown.length;
    if (place < shown.length) drawRow(row, shown[place]);
  });

  setText(page.found, `${count(found.length)} of ${count(chargers.length)} chargers`);
  page.pages.hidden = pages === 1;
  setText(page.page, `Page ${view.page + 1} of ${pages}`);
  page.previous.disabled = view.page === 0;
  page.next.disabled = view.page === pages - 1;
}

function newRow() {
  const element = page.row.content.firstElementChild.cloneNode(true);
  const row = { element };
  for (const part of ["id", "name", "up", "status", "power", "energy", "log", "connected", "problem", "line", "area"]) {
    row[part] = element.querySelector(`.${part}`);
  }
  page.rows.append(element);
  return row;
}

function drawRow(row, charger) {
  setText(row.id, charger.charger_id);
  setText(row.name, charger.name ?? "");
  setText(row.up, charger.up ? "Up" : "Down");
  setClass(row.up, `up ${charger.up ? "is-up" : "is-down"}`);
  setText(row.status, charger.status[0].toUpperCase() + charger.status.slice(1));
  setClass(row.status, `status is-${charger.status}`);
  setKnown(row.power, charger.power_watts, (watts) => `${(watts / 1e3).toFixed(2)} kW`);
  setKnown(row.energy, charger.session_energy_joules, (joules) => `${(joules / 3.6e6).toFixed(2)} kWh`);
  setKnown(row.log, charger.last_log_timestamp_seconds, (seconds) => `${age(serverSeconds - seconds)} ago`);
  setText(row.connected, charger.stream_connected ? "Connected" : "Not connected");
  setText(row.problem, charger.problem ?? "");
  drawChart(row, powers.get(charger.charger_id));
}

// Time goes to the right and ends now; the height is this charger's own greatest power.
function drawChart(row, samples) {
  const top = Math.max(1, ...samples.map((watts) => watts ?? 0));
  const start = SAMPLES - samples.length;
  const runs = [];
  samples.forEach((watts, place) => {
    if (watts === null) return;
    const point = [((start + place) * 120) / (SAMPLES - 1), 23 - (watts / top) * 22];
    if (place > 0 && samples[place - 1] !== null) runs.at(-1).push(point);
    else runs.push([point]);
  });
  const path = (points) => points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const area = (points) => `${path(points)}L${points.at(-1)[0].toFixed(1)} 24L${points[0][0].toFixed(1)} 24Z`;
  setAttribute(row.line, "d", runs.map(path).join(""));
  setAttribute(row.area, "d", runs.map(area).join(""));
}

function age(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86400)} d`;
}

function count(number) {
  return number.toLocaleString("en");
}

function setKnown(element, value, text) {
  setText(element, value === undefined ? "-" : text(value));
  element.classList.toggle("unknown", value === undefined);
}

// Only what has changed is written: the browser lays out nothing else, and a screen reader is not disturbed.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setClass(element, names) {
  if (element.className !== names) element.className = names;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function turnTo(number) {
  view.page = number;
  draw();
  page.fleet.scrollIntoView();
}

function sortBy(head) {
  const key = head.dataset.sort;
  // Of numbers the greatest is what is looked for.
  view.descending = view.sort === key ? !view.descending : ["power", "energy", "log"].includes(key);
  view.sort = key;
  view.page = 0;
  for (const other of document.querySelectorAll("[data-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
  draw();
}

for (const head of document.querySelectorAll("[data-sort]")) {
  head.querySelector("button").addEventListener("click", () => sortBy(head));
}
document.querySelector("[data-sort=charger]").setAttribute("aria-sort", "ascending");
page.search.addEventListener("input", () => {
  view.search = page.search.value;
  view.page = 0;
  draw();
});
page.previous.addEventListener("click", () => turnTo(view.page - 1));
page.next.addEventListener("click", () => turnTo(view.page + 1));
document.addEventListener("visibilitychange", () => document.hidden || poll());
view.search = page.search.value; // what the browser kept over a reload
poll();

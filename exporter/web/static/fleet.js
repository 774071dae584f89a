// The table of chargers: asks the exporter every few seconds, sorts, searches, draws.
// All text goes in by textContent: whatever a charger is called, it stays text.

const POLL_MILLISECONDS = 5000;
const ANSWER_MILLISECONDS = 20000;
const STALE_SECONDS = 15; // what is older looks like it
const SPAN_SECONDS = 300; // how long a line of power is
const GAP_SECONDS = 12; // samples further apart are not joined: what was between them is not known
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
// Power since the page was opened, oldest first: unix seconds by the exporter's clock, and each charger's watts or null.
const power = { times: [], watts: new Map() };
const view = { sort: "charger", descending: false, search: "", state: "", page: 0, pages: 1 };
let chargers = [];
let serverSeconds = 0; // when the last answer was made, by the exporter's clock
let answeredAt = 0; // when it came, by this one's: milliseconds
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

function tick() {
  if (document.hidden) return; // a page that nobody looks at asks nothing
  if (isStale()) draw();
  poll();
}

async function poll() {
  if (isAsking) return;
  isAsking = true;
  try {
    take(await ask("api/v1/chargers"));
  } catch (error) {
    tellTrouble(error);
  }
  isAsking = false;
}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MILLISECONDS) });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
  return answer.json();
}

function secondsSinceAnswer() {
  return Math.max(0, Date.now() - answeredAt) / 1000; // this clock goes on while the machine sleeps
}

function isStale() {
  return answeredAt > 0 && (!page.trouble.hidden || secondsSinceAnswer() > STALE_SECONDS);
}

function tellTrouble(error) {
  if (page.trouble.hidden) {
    const why = error.message.startsWith("it answers") ? error.message : "it cannot be reached";
    const since = secondsSinceAnswer() < 43200 ? new Date(answeredAt).toLocaleTimeString() : new Date(answeredAt).toLocaleString();
    page.trouble.textContent = answeredAt
      ? `The exporter does not say how the chargers are (${why}). What you see is of ${since}. Trying again.`
      : `The exporter does not say how the chargers are (${why}). Trying again.`;
    page.trouble.hidden = false;
  }
  if (answeredAt) draw();
}

function take(answer) {
  serverSeconds = answer.timestamp_seconds;
  answeredAt = Date.now();
  chargers = answer.chargers;
  const named = [...chargers].sort((a, b) => collator.compare(a.charger_id, b.charger_id));
  named.forEach((charger, place) => {
    charger.place = place;
    charger.words = [charger.charger_id, charger.name, charger.account, charger.problem].join(" ").toLowerCase();
  });
  addPower();
  page.trouble.hidden = true;
  page.trouble.textContent = "";
  page.fleet.hidden = false;
  setText(page.updated, `at ${new Date(answeredAt).toLocaleTimeString()}`);
  drawTotals();
  draw();
}

// Add the power of the last answer, and drop what is too old and chargers that have left.
function addPower() {
  if (serverSeconds < power.times.at(-1)) {
    // The exporter's clock was set back.
    power.times = [];
    power.watts.clear();
  }
  const known = power.times.length;
  const isNew = serverSeconds !== power.times.at(-1);
  if (isNew) power.times.push(serverSeconds);
  const old = power.times.filter((seconds) => seconds < serverSeconds - SPAN_SECONDS).length;
  power.times.splice(0, old);
  const before = power.watts;
  power.watts = new Map();
  for (const charger of chargers) {
    const samples = before.get(charger.charger_id) ?? Array(known).fill(null);
    if (isNew) samples.push(charger.power_watts ?? null);
    samples.splice(0, old);
    power.watts.set(charger.charger_id, samples);
  }
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
  const isWanted = STATES.get(view.state) ?? (() => true);
  const found = chargers.filter((charger) => isWanted(charger) && words.every((word) => charger.words.includes(word)));
  const way = view.descending ? -1 : 1;
  found.sort((a, b) => way * SORTS[view.sort](a, b) || a.place - b.place);

  view.pages = Math.max(1, Math.ceil(found.length / ROWS));
  view.page = Math.min(view.page, view.pages - 1);
  const shown = found.slice(view.page * ROWS, (view.page + 1) * ROWS);
  while (rows.length < shown.length) rows.push(newRow());
  rows.forEach((row, place) => {
    row.element.hidden = place >= shown.length;
    if (place < shown.length) drawRow(row, shown[place]);
  });

  setText(page.found, `${count(found.length)} of ${count(chargers.length)} chargers`);
  page.pages.hidden = view.pages === 1;
  setText(page.page, `Page ${view.page + 1} of ${view.pages}`);
  // Not `disabled`: that would take the focus away from who has just pressed it.
  setAttribute(page.previous, "aria-disabled", String(view.page === 0));
  setAttribute(page.next, "aria-disabled", String(view.page === view.pages - 1));
  document.body.classList.toggle("stale", isStale());
}

function newRow() {
  const element = page.row.content.firstElementChild.cloneNode(true);
  const row = { element };
  for (const part of ["id", "name", "up", "status", "power", "energy", "log", "connected", "problem", "line", "area", "none"]) {
    row[part] = element.querySelector(`.${part}`);
  }
  row.chart = element.querySelector("svg");
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
  setKnown(row.log, charger.last_log_timestamp_seconds, (seconds) => `${age(serverNow() - seconds)} ago`);
  setText(row.connected, charger.stream_connected ? "Connected" : "Not connected");
  setText(row.problem, charger.problem ?? "");
  drawChart(row, power.watts.get(charger.charger_id));
}

// Time goes to the right and ends now; the height is this charger's own greatest power.
function drawChart(row, samples) {
  const known = samples.filter((watts) => watts !== null);
  row.chart.toggleAttribute("hidden", known.length === 0);
  row.none.hidden = known.length > 0;
  if (known.length === 0) return;
  const now = Math.max(serverNow(), power.times.at(-1));
  const top = Math.max(1, ...known);
  const runs = [];
  let last = -Infinity;
  samples.forEach((watts, place) => {
    if (watts === null) return;
    const seconds = power.times[place];
    const point = [Math.max(0, 120 - ((now - seconds) * 120) / SPAN_SECONDS), 23 - (watts / top) * 22];
    if (samples[place - 1] !== null && seconds - last <= GAP_SECONDS) runs.at(-1).push(point);
    else runs.push([point]);
    last = seconds;
  });
  // A single sample is a line of no length, and so a dot.
  const path = (points) => `M${[...points, points.at(-1)].map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
  const area = (points) => `${path(points)}V24H${points[0][0].toFixed(1)}Z`;
  setAttribute(row.line, "d", runs.map(path).join(""));
  setAttribute(row.area, "d", runs.map(area).join(""));
  setAttribute(row.chart, "aria-label", range(known, now - power.times[samples.indexOf(known[0])]));
}

// "5.1 to 7.2 kW in 5 minutes": the line in words.
function range(known, seconds) {
  const [least, most] = [Math.min(...known), Math.max(...known)].map((watts) => (watts / 1e3).toFixed(1));
  const minutes = Math.max(1, Math.round(seconds / 60));
  return `${least === most ? most : `${least} to ${most}`} kW in ${minutes} minute${minutes === 1 ? "" : "s"}`;
}

function serverNow() {
  return serverSeconds + secondsSinceAnswer();
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
  if (number < 0 || number >= view.pages) return;
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
page.state.addEventListener("change", () => {
  view.state = page.state.value;
  view.page = 0;
  draw();
});
page.previous.addEventListener("click", () => turnTo(view.page - 1));
page.next.addEventListener("click", () => turnTo(view.page + 1));
document.addEventListener("visibilitychange", tick);
view.search = page.search.value; // what the browser kept over a reload
view.state = page.state.value;
setInterval(tick, POLL_MILLISECONDS);
tick();

// The landing page: asks the exporter every few seconds, and draws totals and table. What is shown is in the URL.

import { drawDetails, isOpen, rememberProblems, toggle } from "./details.js";
import { setAttribute, setClass, setKnown, setText } from "./dom.js";
import { ask, reason } from "./exporter.js";
import { age, count, kilowattHours, kilowatts, totalEnergy, totalPower } from "./format.js";
import { addPower, drawPower } from "./power.js";
import { refreshTotals } from "./sessions.js";

const POLL_MILLISECONDS = 5000;
const STALE_SECONDS = 15; // older data looks stale
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
const SORTS = new Map([
  ["charger", (a, b) => a.place - b.place],
  ["account", (a, b) => collator.compare(a.account, b.account)],
  // The unreachable first, those with the same problem together.
  ["up", (a, b) => Number(a.up) - Number(b.up) || collator.compare(a.problem ?? "", b.problem ?? "")],
  ["status", (a, b) => STATUS_ORDER.indexOf(a.status) - STATUS_ORDER.indexOf(b.status)],
  ["power", byNumber("power_watts")],
  ["energy", byNumber("session_energy_joules")],
  ["log", byNumber("last_log_timestamp_seconds")],
]);
const LARGEST_FIRST = ["power", "energy", "log"];

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const tiles = [...document.querySelectorAll("button[data-show]")];
const rows = [];
const view = { sort: "charger", descending: false, search: "", state: "", page: 0, pages: 1 };
let chargers = [];
let serverSeconds = 0; // when the last answer was made, by the exporter's clock
let answeredAt = 0; // when it came, by this one's: milliseconds
let isAsking = false;

// Unknown values come last in both directions.
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
  if (document.hidden) return;
  if (isStale()) draw();
  poll();
}

async function poll() {
  if (isAsking) return;
  isAsking = true;
  try {
    take(await ask("api/v1/chargers"));
    refreshTotals(page); // not awaited: it can take longer than the time to the next poll
  } catch (error) {
    showTrouble(error);
  }
  isAsking = false;
}

const secondsSinceAnswer = () => Math.max(0, Date.now() - answeredAt) / 1000; // goes on while the machine sleeps
const serverNow = () => serverSeconds + secondsSinceAnswer();

function isStale() {
  return answeredAt > 0 && (!page.trouble.hidden || secondsSinceAnswer() > STALE_SECONDS);
}

function showTrouble(error) {
  page.loading.hidden = true;
  if (page.trouble.hidden) {
    const at = new Date(answeredAt);
    const since = secondsSinceAnswer() < 43200 ? at.toLocaleTimeString() : at.toLocaleString();
    const age = answeredAt ? ` The page shows the data of ${since}.` : "";
    page.trouble.textContent = `The exporter does not answer (${reason(error)}).${age} Retrying.`;
    page.trouble.hidden = false;
  }
  document.title = "No answer - vecharge-exporter";
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
  addPower(chargers, serverSeconds);
  rememberProblems(chargers, serverSeconds);
  page.trouble.hidden = true;
  page.trouble.textContent = "";
  page.loading.hidden = true;
  page.fleet.hidden = false;
  setText(page.updated, `at ${new Date(answeredAt).toLocaleTimeString()}`);
  drawTotals();
  draw();
}

function drawTotals() {
  const up = chargers.filter(STATES.get("up")).length;
  const down = chargers.length - up;
  const watts = sumOfKnown(chargers.map((charger) => charger.power_watts));
  // The last session of a charger that is off is over: it adds nothing, and that is known.
  const seen = chargers.filter((charger) => charger.status !== "unknown");
  const joules = sumOfKnown(seen.map((charger) => (charger.status === "on" ? charger.session_energy_joules : 0)));
  setText(page["total-chargers"], count(chargers.length));
  setText(page["total-up"], count(up));
  setText(page["total-down"], count(down));
  setText(page["total-on"], count(chargers.filter(STATES.get("on")).length));
  setKnown(page["total-power"], watts, totalPower);
  setKnown(page["total-energy"], joules, totalEnergy);
  page["total-up"].parentElement.classList.toggle("good", up > 0);
  page["total-down"].parentElement.classList.toggle("some", down > 0);
  document.title = `${down ? `${count(down)} unreachable` : "Chargers"} - vecharge-exporter`;
}

// Undefined if none is known: 0 would say that no power is drawn.
function sumOfKnown(values) {
  const known = values.filter((value) => value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value) : undefined;
}

function draw() {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean);
  const isWanted = STATES.get(view.state) ?? (() => true);
  const found = chargers.filter((charger) => isWanted(charger) && words.every((word) => charger.words.includes(word)));
  const way = view.descending ? -1 : 1;
  found.sort((a, b) => way * SORTS.get(view.sort)(a, b) || a.place - b.place);

  view.pages = Math.max(1, Math.ceil(found.length / ROWS));
  view.page = Math.min(view.page, view.pages - 1);
  const shown = found.slice(view.page * ROWS, (view.page + 1) * ROWS);
  const focused = document.activeElement.closest("tr[data-charger]")?.dataset.charger;
  while (rows.length < shown.length) rows.push(newRow());
  rows.forEach((row, place) => drawRow(row, shown[place]));
  if (focused !== undefined) rows[shown.findIndex((charger) => charger.charger_id === focused)]?.id.focus();

  setText(page.found, `${count(found.length)} of ${count(chargers.length)} chargers`);
  for (const tile of tiles) setAttribute(tile, "aria-pressed", String(tile.dataset.show === view.state));
  page.pages.hidden = view.pages === 1;
  setText(page.page, `Page ${view.page + 1} of ${view.pages}`);
  // Not `disabled`: that would take the focus away from the button that was just pressed.
  setAttribute(page.previous, "aria-disabled", String(view.page === 0));
  setAttribute(page.next, "aria-disabled", String(view.page === view.pages - 1));
  document.body.classList.toggle("stale", isStale());
}

function newRow() {
  const [element, details] = page.row.content.cloneNode(true).children;
  const row = { element, details: { element: details }, chart: element.querySelector("svg") };
  for (const part of ["id", "name", "account", "up", "reach", "problem", "status", "power", "energy", "log", "line", "area", "none"]) {
    row[part] = element.querySelector(`.${part}`);
  }
  for (const part of ["account", "voltage", "current", "total", "start", "stream", "trouble", "note", "sessions", "list", "grafana"]) {
    row.details[part] = details.querySelector(`.${part}`);
  }
  details.id = `details-${rows.length}`;
  row.id.setAttribute("aria-controls", details.id);
  page.rows.append(element, details);
  return row;
}

function drawRow(row, charger) {
  row.element.hidden = !charger;
  row.details.element.hidden = !charger || !isOpen(charger.charger_id);
  if (!charger) return;
  setAttribute(row.element, "data-charger", charger.charger_id);
  setAttribute(row.id, "aria-expanded", String(!row.details.element.hidden));
  setText(row.id, charger.charger_id);
  setText(row.name, charger.name ?? "");
  setText(row.account, charger.account);
  setText(row.reach, charger.up ? "Up" : "Down");
  setClass(row.reach, `reach ${charger.up ? "is-up" : "is-down"}`);
  setText(row.problem, charger.problem ?? "");
  setText(row.status, charger.status[0].toUpperCase() + charger.status.slice(1));
  setClass(row.status, `status is-${charger.status}`);
  setKnown(row.power, charger.power_watts, kilowatts);
  setKnown(row.energy, charger.session_energy_joules, kilowattHours);
  setKnown(row.log, charger.last_log_timestamp_seconds, (seconds) => `${age(serverNow() - seconds)} ago`);
  drawPower(row, charger.charger_id, serverNow());
  if (row.details.element.hidden) return;
  const grafana = row.details.grafana;
  if (grafana) setAttribute(grafana, "href", `${grafana.dataset.dashboard}?var-charger_id=${encodeURIComponent(charger.charger_id)}`);
  drawDetails(row, charger, serverNow(), draw);
}

function readUrl() {
  const query = new URLSearchParams(location.search);
  view.search = query.get("search") ?? "";
  view.state = STATES.has(query.get("show")) ? query.get("show") : "";
  view.sort = SORTS.has(query.get("sort")) ? query.get("sort") : "charger";
  view.descending = query.get("order") === "descending";
  page.search.value = view.search;
  page.state.value = view.state;
}

function change(changes) {
  Object.assign(view, { page: 0 }, changes);
  page.state.value = view.state;
  const query = new URLSearchParams();
  if (view.search) query.set("search", view.search);
  if (view.state) query.set("show", view.state);
  if (view.sort !== "charger" || view.descending) query.set("sort", view.sort);
  if (view.descending) query.set("order", "descending");
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  markSort();
  draw();
}

function markSort() {
  for (const head of document.querySelectorAll("[data-sort]")) {
    if (head.dataset.sort !== view.sort) head.removeAttribute("aria-sort");
    else setAttribute(head, "aria-sort", view.descending ? "descending" : "ascending");
  }
}

function sortBy(key) {
  change({ sort: key, descending: view.sort === key ? !view.descending : LARGEST_FIRST.includes(key) });
}

function turnTo(number) {
  if (number < 0 || number >= view.pages) return;
  view.page = number;
  draw();
  page.fleet.scrollIntoView();
}

for (const head of document.querySelectorAll("[data-sort]")) {
  head.querySelector("button").addEventListener("click", () => sortBy(head.dataset.sort));
}
for (const tile of tiles) {
  tile.addEventListener("click", () => change({ state: view.state === tile.dataset.show ? "" : tile.dataset.show }));
}
page.rows.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-charger]");
  if (!row || getSelection().type === "Range") return;
  toggle(row.dataset.charger);
  draw();
});
page.search.addEventListener("input", () => change({ search: page.search.value }));
page.state.addEventListener("change", () => change({ state: page.state.value }));
page.previous.addEventListener("click", () => turnTo(view.page - 1));
page.next.addEventListener("click", () => turnTo(view.page + 1));
document.addEventListener("visibilitychange", tick);
readUrl();
markSort();
setInterval(tick, POLL_MILLISECONDS);
tick();

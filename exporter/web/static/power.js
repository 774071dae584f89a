// Power since the page was opened: kept here, and drawn as a line in each row.

import { setAttribute } from "./dom.js";

const SPAN_SECONDS = 300; // how long a line is
const GAP_SECONDS = 12; // samples further apart are not joined: what was between them is not known

// Oldest first: unix seconds by the exporter's clock, and each charger's watts or null.
let times = [];
let watts = new Map();

// Add the power of the last answer, and drop what is too old and chargers that have left.
export function addPower(chargers, serverSeconds) {
  if (serverSeconds < times.at(-1)) {
    // The exporter's clock was set back.
    times = [];
    watts.clear();
  }
  const known = times.length;
  const isNew = serverSeconds !== times.at(-1);
  if (isNew) times.push(serverSeconds);
  const old = times.filter((seconds) => seconds < serverSeconds - SPAN_SECONDS).length;
  times.splice(0, old);
  const before = watts;
  watts = new Map();
  for (const charger of chargers) {
    const samples = before.get(charger.charger_id) ?? Array(known).fill(null);
    if (isNew) samples.push(charger.power_watts ?? null);
    samples.splice(0, old);
    watts.set(charger.charger_id, samples);
  }
}

// Time goes to the right and ends now; the height is relative to this charger's own highest power.
export function drawPower(row, chargerId, serverNow) {
  const samples = watts.get(chargerId);
  const known = samples.filter((value) => value !== null);
  row.chart.toggleAttribute("hidden", known.length === 0);
  row.none.hidden = known.length > 0;
  if (known.length === 0) return;
  const now = Math.max(serverNow, times.at(-1));
  const top = Math.max(1, ...known);
  const runs = [];
  let last = -Infinity;
  samples.forEach((value, place) => {
    if (value === null) return;
    const seconds = times[place];
    const point = [Math.max(0, 120 - ((now - seconds) * 120) / SPAN_SECONDS), 23 - (value / top) * 22];
    if (samples[place - 1] !== null && seconds - last <= GAP_SECONDS) runs.at(-1).push(point);
    else runs.push([point]);
    last = seconds;
  });
  // A single sample is a line of no length, and so a dot.
  const path = (points) => `M${[...points, points.at(-1)].map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;
  const area = (points) => `${path(points)}V24H${points[0][0].toFixed(1)}Z`;
  setAttribute(row.line, "d", runs.map(path).join(""));
  setAttribute(row.area, "d", runs.map(area).join(""));
  setAttribute(row.chart, "aria-label", range(known, now - times[samples.indexOf(known[0])]));
}

// "5.1 to 7.2 kW in 5 minutes": the line in words.
function range(known, seconds) {
  const [least, most] = [Math.min(...known), Math.max(...known)].map((value) => (value / 1e3).toFixed(1));
  const minutes = Math.max(1, Math.round(seconds / 60));
  return `${least === most ? most : `${least} to ${most}`} kW in ${minutes} minute${minutes === 1 ? "" : "s"}`;
}

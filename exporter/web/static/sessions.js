// Charging sessions: the energy of today and this month, and the last sessions of a charger.

import { setKnown } from "./dom.js";
import { ask, reason } from "./exporter.js";
import { totalEnergy } from "./format.js";

const LAST = 10;
const TOTALS_MILLISECONDS = 60000;
const REFRESH_MILLISECONDS = 30000;

let totalsAskedAt = -Infinity;
// By charger id: { askedAt, sessions and whether any are damaged, or problem }.
const known = new Map();

// The energy of the sessions that began today and this month, by the browser's time zone.
export async function refreshTotals(page) {
  if (Date.now() - totalsAskedAt < TOTALS_MILLISECONDS) return;
  totalsAskedAt = Date.now();
  const now = new Date();
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const month = new Date(now.getFullYear(), now.getMonth(), 1);
  for (const [element, since] of [[page["total-today"], today], [page["total-month"], month]]) {
    let joules, damaged;
    try {
      const answer = await ask(`api/v1/sessions?limit=0&totals=true&since=${since.toISOString()}`);
      ({ damaged, totals: { energy_joules: joules } } = answer);
    } catch {
      // Unknown: the alert of the page says so if the exporter is gone.
    }
    setKnown(element, joules, (value) => totalEnergy(value) + (damaged ? " (incomplete)" : ""));
  }
}

// The last sessions of a charger as far as they are known; `changed` is called once there is news.
export function lastSessions(chargerId, changed) {
  const entry = known.get(chargerId) ?? { askedAt: -Infinity };
  if (Date.now() - entry.askedAt >= REFRESH_MILLISECONDS) {
    known.set(chargerId, { ...entry, askedAt: Date.now() });
    load(chargerId).then(changed);
  }
  return entry;
}

async function load(chargerId) {
  const entry = known.get(chargerId);
  try {
    const answer = await ask(`api/v1/sessions?limit=${LAST}&charger_id=${encodeURIComponent(chargerId)}`);
    known.set(chargerId, { askedAt: entry.askedAt, sessions: answer.sessions, damaged: answer.damaged });
  } catch (error) {
    known.set(chargerId, { ...entry, problem: `The sessions cannot be shown (${reason(error)}).` });
  }
}

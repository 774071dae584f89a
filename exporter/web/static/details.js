// The part of a charger's row that opens.

import { setKnown, setText } from "./dom.js";
import { age, count, dateAndTime, kilowattHours, kilowatts } from "./format.js";
import { lastSessions } from "./sessions.js";

const open = new Set();
// By charger id: the problem that was seen last, and when (unix seconds, by the exporter's clock).
const problems = new Map();

export const isOpen = (chargerId) => open.has(chargerId);

export function toggle(chargerId) {
  if (!open.delete(chargerId)) open.add(chargerId);
}

export function rememberProblems(chargers, serverSeconds) {
  for (const charger of chargers) {
    if (charger.problem) problems.set(charger.charger_id, { text: charger.problem, seconds: serverSeconds });
  }
}

export function drawDetails(row, charger, serverNow, changed) {
  const part = row.details;
  setText(part.account, charger.account);
  setKnown(part.voltage, charger.voltage_volts, (volts) => `${volts.toFixed(1)} V`);
  setKnown(part.current, charger.current_amperes, (amperes) => `${amperes.toFixed(2)} A`);
  setKnown(part.total, charger.energy_joules_total, kilowattHours);
  setKnown(part.start, charger.session_start_timestamp_seconds, (seconds) => dateAndTime(seconds * 1e3));
  setText(part.stream, charger.stream_connected ? "Connected" : "Not connected");
  const problem = problems.get(charger.charger_id);
  if (charger.problem) setText(part.trouble, charger.problem);
  else if (problem) setText(part.trouble, `${problem.text} (${age(serverNow - problem.seconds)} ago)`);
  else setText(part.trouble, "none since this page was opened");
  part.trouble.classList.toggle("bad", Boolean(charger.problem));
  drawSessions(part, lastSessions(charger.charger_id, changed));
}

function drawSessions(part, { sessions, damaged, problem }) {
  const note = problem ?? sessionsNote(sessions, damaged);
  setText(part.note, note);
  part.note.hidden = note === "";
  part.sessions.hidden = !sessions?.length;
  const text = JSON.stringify(sessions ?? []);
  if (part.shown === text) return;
  part.shown = text;
  part.list.replaceChildren(...(sessions ?? []).map(sessionRow));
}

function sessionsNote(sessions, damaged) {
  if (sessions === undefined) return "Loading the sessions.";
  if (damaged) return "Sessions are missing: the state file is damaged. Run 'vecharge-exporter sessions' to see which.";
  return sessions.length ? "" : "No session yet.";
}

function sessionRow(session) {
  const row = document.createElement("tr");
  const ended = session.ended === null ? "running" : dateAndTime(Date.parse(session.ended));
  const energy = `${count(session.energy_kwh, 2)} kWh${session.certain ? "" : " (uncertain)"}`;
  const peak = session.peak_watts === null ? "-" : kilowatts(session.peak_watts);
  for (const text of [dateAndTime(Date.parse(session.began)), ended, energy, peak]) {
    row.insertCell().textContent = text;
  }
  return row;
}

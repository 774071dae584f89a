// Numbers and times as text.

export const kilowatts = (watts) => `${(watts / 1e3).toFixed(2)} kW`;
export const kilowattHours = (joules) => `${count(joules / 3.6e6, 2)} kWh`;

export function totalPower(watts) {
  return watts < 1e6 ? `${(watts / 1e3).toFixed(1)} kW` : `${(watts / 1e6).toFixed(2)} MW`;
}

export function totalEnergy(joules) {
  return joules < 3.6e9 ? `${(joules / 3.6e6).toFixed(1)} kWh` : `${(joules / 3.6e9).toFixed(2)} MWh`;
}

export function count(number, decimals = 0) {
  return number.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

export function age(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 172800) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86400)} d`;
}

// In the browser's time zone; the year only if it is another one.
export function dateAndTime(milliseconds) {
  const time = new Date(milliseconds);
  const year = time.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return time.toLocaleString([], { year, month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
}

// Changes of the page. Only what has changed is written: the browser lays out nothing else, and a screen reader is not
// disturbed. All text goes in by textContent: whatever a charger is called, it stays text.

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, names) {
  if (element.className !== names) element.className = names;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// A value that may be unknown, which is not 0.
export function setKnown(element, value, text) {
  const isUnknown = value === undefined || value === null;
  setText(element, isUnknown ? "-" : text(value));
  element.classList.toggle("unknown", isUnknown);
}

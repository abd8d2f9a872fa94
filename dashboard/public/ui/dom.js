const SVG = 'http://www.w3.org/2000/svg';

/** Characters that turn the direction of the text around them: with them, `exe.gpj` can be made to read as `jpg.exe`. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A text with its turning characters as words that turn nothing. */
export const legible = (text) =>
  text.replaceAll(TURNING, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);

/** What is read from attributes. The others, such as addresses and values, stay what they are. */
const READ = new Set(['title', 'aria-label', 'placeholder', 'alt']);

/**
 * Makes an element. Text is added as text nodes only, and attributes with setAttribute, so that the content of a record
 * can never become markup, and characters that turn text around are shown as such.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] a function is a listener (`onclick`); false, null and undefined are left out
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** As {@link h}, for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : READ.has(name) ? legible(String(value)) : String(value));
  }
  // What a person edits there is sent.
  if (element instanceof HTMLTextAreaElement) element.append(...children);
  else element.append(...nodesOf(children));
  return element;
}

const nodesOf = (children) =>
  children.filter((child) => child !== null && child !== undefined && child !== false).map(asNode);

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(legible(String(child))));

/**
 * Replaces the children of an element; those that are false, null or undefined are left out, as by {@link h}. The focus stays on the link or button that is the same as before; otherwise each
 * refresh would throw a person who uses the keyboard back to the top of the page.
 */
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? sameness(document.activeElement) : undefined;
  element.replaceChildren(...nodesOf(children));
  if (focused === undefined) return;
  [...element.querySelectorAll('a, button')].find((one) => sameness(one) === focused)?.focus({ preventScroll: true });
}

const sameness = (element) => element.getAttribute('href') ?? element.textContent;

/** Changes an element's text only if it differs, so that selections and screen readers are not disturbed. */
export function setText(element, text) {
  const shown = legible(text);
  if (element.textContent !== shown) element.textContent = shown;
}

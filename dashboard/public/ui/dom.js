const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an element. Text only ever goes in as text nodes, and attributes through setAttribute: there is no way from a
 * record's content to markup.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `onclick` and its like take functions; false, null and undefined are left out
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
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return element;
}

const asNode = (child) => (child instanceof Node ? child : document.createTextNode(String(child)));

/**
 * Puts other children into an element. What stands for the same thing as before keeps the focus: someone who goes
 * through the page by keyboard must not be thrown back to its top every two seconds.
 */
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? sameness(document.activeElement) : undefined;
  element.replaceChildren(...children);
  if (focused === undefined) return;
  [...element.querySelectorAll('a, button')].find((one) => sameness(one) === focused)?.focus({ preventScroll: true });
}

const sameness = (element) => element.getAttribute('href') ?? element.textContent;

/** Changes an element's text only if it differs, so that a selection or a screen reader is not disturbed for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

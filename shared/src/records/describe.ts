import { stringifyJson } from './json.js';

/** Elements of a list that are written to be shown, at most: of the others nothing would be seen. */
const SHOWN = 100;

/** A value as shown to a person: exact, short, and never the whole of a 5 MB field. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value) && value.length > SHOWN) {
    return `${inJson(value.slice(0, SHOWN)).slice(0, 60)}... (${value.length} elements)`;
  }
  const json = inJson(value);
  return json.length > 80 ? `${json.slice(0, 60)}... (${json.length} characters)` : json;
}

function inJson(value: unknown): string {
  try {
    return stringifyJson(value) ?? String(value);
  } catch {
    return 'nested too deep to be shown';
  }
}

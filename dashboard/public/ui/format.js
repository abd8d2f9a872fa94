const numbers = new Intl.NumberFormat();

/** 1234567 → 1,234,567 as the reader's language writes it. */
export const count = (number) => numbers.format(number);

/** "1 row", "2 rows". */
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A size in powers of 1024, as in pipeline.yaml: 1.4 MB. */
export function bytes(size) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let amount = size;
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  const digits = unit === 0 || amount >= 100 ? 0 : 1;
  return `${amount.toFixed(digits)} ${units[unit]}`;
}

/** How long ago, in one unit: "12 s ago". */
export function ago(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** A rate, rounded: 0, 0.4, 12, 1,530. */
export function speed(number) {
  if (number === 0) return '0';
  if (number < 0.1) return '<0.1';
  return number < 10 ? number.toFixed(1) : numbers.format(Math.round(number));
}

/** A duration as a number and its unit. @param {number} seconds */
export function span(seconds) {
  if (seconds < 10) return [seconds.toFixed(1), 's'];
  if (seconds < 120) return [String(Math.round(seconds)), 's'];
  if (seconds < 7_200) return [String(Math.round(seconds / 60)), 'min'];
  if (seconds < 172_800) return [String(Math.round(seconds / 3_600)), 'h'];
  return [String(Math.round(seconds / 86_400)), 'days'];
}

/** A message of the API as a sentence: it begins with a small letter there, to fit into a line of a log. */
export const sentence = (message) => `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;

const two = (number) => String(number).padStart(2, '0');

let inUtc = false;

/** Whether times are shown in UTC instead of the reader's zone. */
export const showsUtc = () => inUtc;
export function showUtc(utc) {
  inUtc = utc;
}

/** A time in the reader's zone, or in UTC, in a form that sorts: 2026-01-05 14:03:22. Undefined if the text is not a time. */
export function localTime(text, utc = inUtc) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return undefined;
  if (utc) return time.toISOString().slice(0, 19).replace('T', ' ');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** The same moment in UTC, for the title of a local time. */
export const utcTime = (text) => `${new Date(text).toISOString().replace('T', ' ').replace('Z', '')} UTC`;

/** A value in one line of text: a list of order lines becomes "SKU-1 · 2, SKU-4 · 1". */
export function oneLine(value) {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(oneLine).join(', ');
  if (typeof value === 'object') return Object.values(value).map(oneLine).join(' · ');
  return String(value);
}

/**
 * JSON without the blanks between its tokens. One pass: a record comes from outside, and what looks ahead from each blank held up the
 * browser for minutes with a megabyte of them.
 *
 * @param {string} json that can be parsed
 */
export function compactJson(json) {
  const kept = [];
  for (let at = 0; at < json.length; ) {
    let end = at + 1;
    if (json[at] === '"') {
      while (json[end] !== '"') end += json[end] === '\\' ? 2 : 1;
      end += 1;
    }
    if (!/\s/.test(json[at])) kept.push(json.slice(at, end));
    at = end;
  }
  return kept.join('');
}

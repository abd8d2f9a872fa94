import { parseJson } from '@tributary/shared';
import { recordsInCsv } from '../../sources/rest/formats/csv.js';
import { parseXml } from '../../sources/rest/formats/xml.js';

/** What a body turned out to be. */
export type Body =
  | { readonly format: 'json' | 'xml'; readonly value: unknown }
  | { readonly format: 'csv' | 'ndjson'; readonly records: readonly unknown[] }
  | { readonly format: 'html' | 'empty' | 'text' };

/** Looks at a body itself: what it is called is often wrong. */
export function bodyOf(text: string, type = ''): Body {
  const trimmed = text.trim();
  if (trimmed === '') return { format: 'empty' };
  if (trimmed.startsWith('<')) return markupOf(trimmed);
  const json = attempt(() => parseJson(trimmed));
  if (json !== undefined) return { format: 'json', value: json };
  const lines = trimmed.split(/\r?\n/);
  if (/^[[{]/.test(trimmed) && lines.length > 1) {
    const records = lines.filter((line) => line.trim() !== '').map((line) => attempt(() => parseJson(line)));
    if (records.every((record) => record !== undefined)) return { format: 'ndjson', records };
  }
  return isCsv(lines, type)
    ? { format: 'csv', records: recordsInCsv(text, { delimiter: 'auto', header: true }).records }
    : { format: 'text' };
}

function markupOf(text: string): Body {
  if (/^(<\?xml[^>]*>\s*)?(<!doctype html|<html\b)/i.test(text)) return { format: 'html' };
  const value = attempt(() => parseXml(text));
  return value === undefined ? { format: 'html' } : { format: 'xml', value };
}

/** At least two lines, whose first has several names that the second has as many values for. */
function isCsv([first = '', second]: readonly string[], type: string): boolean {
  if (/^[[{]/.test(first) || second === undefined) return false;
  const isNamed = /\bcsv\b|tab-separated/.test(type);
  return [',', ';', '\t', '|'].some((delimiter) => {
    const [names, values] = [first, second].map((line) => line.replaceAll(/"[^"]*"/g, '').split(delimiter).length);
    return (names ?? 0) > 1 && (isNamed || names === values);
  });
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

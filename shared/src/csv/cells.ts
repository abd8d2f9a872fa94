import type { Field } from '../config/fields.js';
import { plainDecimal } from '../records/decimal.js';
import { compileCanonicalJson } from '../records/hash.js';
import { canonicalInteger } from '../records/integer.js';
import { canonicalJson, parseJson } from '../records/json.js';
import { guard, type Neutralised, withoutGuard } from './formulas.js';

/** A value as the text of a CSV cell. An absent value is the empty cell. */
export function encodeCell(value: unknown, field: Field, neutraliseFormulas: boolean): string {
  if (value === undefined || value === null) return '';
  if (field.type === 'string' || field.type === 'datetime' || field.type === 'date') {
    const text = value as string;
    return neutraliseFormulas ? guard(text) : text;
  }
  // Canonical JSON, so that the same value always has the same text.
  if (field.type !== 'json' && field.type !== 'list') return String(value);
  const json = canonicalJson(value) ?? '';
  return neutraliseFormulas ? guardJson(json) : json;
}

/** A spreadsheet may split lines at `;`, and calculate what stands behind it. In JSON it is in texts alone, where it can be escaped. */
export const guardJson = (json: string): string => json.replaceAll(/;(?='*[=+\-@＝＋－＠])/g, '\\u003b');

/** {@link encodeCell} for one column, compiled once. */
export function compileCell(field: Field, neutraliseFormulas: boolean): (value: unknown) => string {
  if (field.type !== 'list') return (value) => encodeCell(value, field, neutraliseFormulas);
  const write = compileCanonicalJson(field);
  return (value) => {
    if (value === undefined || value === null) return '';
    return neutraliseFormulas ? guardJson(write(value)) : write(value);
  };
}

/**
 * The value that {@link encodeCell} made the text from; undefined for the empty cell of an optional field. A cell that was
 * written when the field had another type may hold no such value: it counts as empty, so that reading can go on.
 */
export function decodeCell(text: string, field: Field, neutralised: Neutralised): unknown {
  if (text === '' && (field.optional || field.type !== 'string')) return undefined;
  switch (field.type) {
    case 'string':
    case 'datetime':
    case 'date':
      return withoutGuard(text, neutralised);
    case 'integer':
      return canonicalInteger(text) ?? numberOf(text);
    case 'number':
      return numberOf(text);
    case 'decimal':
      return plainDecimal(text);
    case 'boolean':
      return text === 'true';
    case 'json':
    case 'list':
      return jsonOf(text);
  }
}

const numberOf = (text: string): number | undefined => (Number.isNaN(Number(text)) ? undefined : Number(text));

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

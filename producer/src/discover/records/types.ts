import { compilePattern, ExactNumber, type FieldType, readInstant, type Unit } from '@tributary/shared';
import type { Scalar } from './tree.js';

/** What a field is, as far as its values tell. */
export interface FoundType {
  readonly type: Exclude<FieldType, 'list'>;
  readonly unit?: Unit;
  readonly format?: string;
  /** Why, where that is not plain to see. */
  readonly reason?: string;
  readonly isSure: boolean;
}

const TIME_NAME =
  /(^|[_\s-])(at|on|time|date|timestamp|ts|dt|created|updated|modified|changed|expires?|seen|since|until|start|end|born|published|deadline|sunrise|sunset)$|(At|On|Time|Date|Timestamp|Ts|_ms|_ts)$|^(time|date|timestamp|created|updated|modified|published)|Epoch|epoch/;
/** Eight digits are a day only where the name says so. */
const DAY_NAME = /(^|[_\s-])(date|day|on)(_|$)|(Date|Day|On)$|^(date|day)/;
const MONEY_NAME =
  /price|amount|total|cost|balance|\btax|_tax|(^|_)fees?(_|$)|fees?$|revenue|salary|discount|subtotal|payment|budget|rate$/i;
/** Numbers that happen to be whole now. */
const MEASURE_NAME =
  /^(value|temp|temperature|humidity|speed|lat|lon|lng|latitude|longitude|score|ratio|percent(age)?|rating|weight|width|height|distance|duration)$|_(rate|ratio|score|percent|pct|avg|mean)$/i;
const COUNT_NAME =
  /(^|_)(num|count|total|quantity|qty|size|length|position|index|version|segments|views|likes|stock|volume|trades|units|shares)(_|$)|(Count|Quantity|Size|Total)$/;
/** Digits that are no number: they may begin with a zero. */
const CODE_NAME =
  /(^|_|[a-z])(id|ids|code|zip|postal|postcode|phone|fax|iban|account|number|no|nr|sku|ean|isbn|last4|year)$/i;

const FIRST = Date.UTC(1990, 0) / 1_000;
const LAST = Date.UTC(2100, 0) / 1_000;
const RECENT = Date.UTC(2001, 8, 9) / 1_000;

/**
 * @param values all that were seen, none of them empty
 * @param isText whether all values are text by their format, as in CSV and XML, so that text says nothing
 */
export function typeOf(name: string, values: readonly Scalar[], isText: boolean): FoundType {
  if (values.length === 0) return unseen(name);
  if (values.every((value) => typeof value === 'boolean')) return { type: 'boolean', isSure: true };
  if (values.every(isNumber)) return typeOfNumbers(name, values);
  if (values.every((value) => typeof value === 'string')) return typeOfTexts(name, values, isText);
  if (values.every((value) => typeof value === 'string' || isNumber(value))) {
    return { type: 'string', reason: 'a number in some records, text in others', isSure: false };
  }
  return { type: 'json', reason: 'values of several kinds', isSure: false };
}

const isNumber = (value: Scalar): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber;

function unseen(name: string): FoundType {
  const reason = 'empty in all records that were seen';
  return { type: /(_at|At|_time|Time|_on|timestamp)$/.test(name) ? 'datetime' : 'string', reason, isSure: false };
}

function typeOfNumbers(name: string, values: readonly (number | ExactNumber)[]): FoundType {
  const isWhole = values.every((value) => /^-?\d+$/.test(String(value)));
  const unit = TIME_NAME.test(name) ? unitOf(values.map(Number)) : undefined;
  if (unit !== undefined) return { type: 'datetime', unit, isSure: true };
  // A decimal takes whole numbers too; an integer would refuse the first 19.90 that comes. Amounts are often cents.
  const isTotal = /^(sub_?|grand_?)?total$/i.test(name);
  if (isTotal || (MONEY_NAME.test(name) && !COUNT_NAME.test(name) && !(isWhole && /amount|total/i.test(name))))
    return { type: 'decimal', isSure: true };
  if (!isWhole)
    return { type: values.some((value) => value instanceof ExactNumber) ? 'decimal' : 'number', isSure: true };
  if (MEASURE_NAME.test(name)) return { type: 'number', isSure: true };
  return {
    type: values.some((value) => String(value).replace('-', '').length > 18) ? 'decimal' : 'integer',
    isSure: true,
  };
}

/** What numbers count that are times of these decades; undefined if they are none. */
function unitOf(values: readonly number[]): Unit | undefined {
  // Not as arguments: a page may hold more values than a call takes.
  const least = values.reduce((one, other) => Math.min(one, other));
  const most = values.reduce((one, other) => Math.max(one, other));
  const scales = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;
  const found = Object.entries(scales).find(([, scale]) => least >= RECENT * scale && most < LAST * scale);
  return found?.[0] as Unit | undefined;
}

const PATTERNS = [
  'dd/MM/yyyy',
  'MM/dd/yyyy',
  'd/M/yyyy',
  'M/d/yyyy',
  'dd.MM.yyyy',
  'd.M.yyyy',
  'dd-MM-yyyy',
  'yyyy/MM/dd',
  'yyyy.MM.dd',
  'yyyyMMdd',
  'dd MMM yyyy',
  'd MMM yyyy',
  'MMM d yyyy',
  'MMM d, yyyy',
  'MMMM d, yyyy',
  'd MMMM yyyy',
];
const CLOCKS = ['HH:mm:ss', 'HH:mm', 'H:mm', 'hh:mm a', 'h:mm a', 'hh:mm:ss a', 'h:mm:ss a', 'HH:mm:ss.SSS'];
/** A month and a day that could be told apart by none of the values. */
const AMBIGUOUS = /^(dd\/MM|d\/M|MM\/dd|M\/d)/;

function typeOfTexts(name: string, texts: readonly string[], isText: boolean): FoundType {
  if (texts.every((text) => /^\d{4}-\d\d-\d\d$/.test(text))) return { type: 'date', isSure: true };
  if (texts.every(isMoment)) return { type: 'datetime', isSure: true };
  if (isText && texts.every((text) => /^(true|false)$/i.test(text))) return { type: 'boolean', isSure: true };
  if (texts.every((text) => /^-?\d+([.]\d+)?$/.test(text))) return typeOfDigits(name, texts, isText);
  if (texts.every((text) => /^-?\d+([.]\d+)?(e[+-]?\d+)?$/i.test(text)) && isText)
    return { type: 'number', isSure: true };
  return patternOf(texts) ?? { type: 'string', isSure: true };
}

const isMoment = (text: string): boolean =>
  /[T:/]/.test(text) && text.length >= 13 && readInstant(text.trim()) !== undefined;

function typeOfDigits(name: string, texts: readonly string[], isText: boolean): FoundType {
  const numbers = texts.map(Number);
  const unit =
    TIME_NAME.test(name) && texts.every((text) => /^(\d{10,19}|\d{10}\.\d{1,9})$/.test(text))
      ? unitOf(numbers)
      : undefined;
  if (unit !== undefined) return { type: 'datetime', unit, isSure: true };
  if (DAY_NAME.test(name) && texts.every((text) => /^(19|20)\d{6}$/.test(text))) {
    const day = patternOf(texts);
    if (day !== undefined) return day;
  }
  const hasPoint = texts.some((text) => text.includes('.'));
  const isFixed = new Set(texts.map((text) => text.split('.')[1]?.length ?? 0)).size === 1;
  // "1.10" of a version is no number, unless money or many fixed digits say so.
  if (hasPoint && (isText || MONEY_NAME.test(name) || isFixed) && !/version/i.test(name)) {
    // Where all is text, a double would hold most digits and not all: what was measured may lose some, and nothing else.
    const isMeasured = isText && !isFixed && MEASURE_NAME.test(name);
    return { type: isMeasured ? 'number' : 'decimal', reason: 'a number that is sent as text', isSure: true };
  }
  const isPadded = texts.some((text) => /^-?0\d/.test(text));
  if (hasPoint || isPadded || CODE_NAME.test(name)) return { type: 'string', isSure: true };
  if (MONEY_NAME.test(name) && !COUNT_NAME.test(name))
    return { type: 'decimal', reason: 'a number that is sent as text', isSure: true };
  if (isText || COUNT_NAME.test(name)) {
    const isLong = texts.some((text) => text.length > 18);
    return {
      type: isLong ? 'string' : MEASURE_NAME.test(name) ? 'number' : 'integer',
      reason: 'a number that is sent as text',
      isSure: true,
    };
  }
  return { type: 'string', isSure: true };
}

function patternOf(texts: readonly string[]): FoundType | undefined {
  const [first = ''] = texts;
  if (!/\d/.test(first) || first.length > 40) return undefined;
  const fits = (format: string) => {
    const pattern = compilePattern(format);
    return pattern.read(first) !== undefined && texts.every((text) => pattern.read(text) !== undefined);
  };
  const fitting = PATTERNS.flatMap((day) => [day, ...CLOCKS.map((clock) => `${day} ${clock}`)]).filter(fits);
  const [format] = fitting;
  if (format === undefined) return undefined;
  const type = /[Hh]/.test(format) ? 'datetime' : 'date';
  const isAmbiguous =
    AMBIGUOUS.test(format) && fitting.some((other) => AMBIGUOUS.test(other) && /^d/.test(other) !== /^d/.test(format));
  const reason = isAmbiguous ? 'day and month could be the other way round' : undefined;
  return { type, format, isSure: !isAmbiguous, ...(reason === undefined ? {} : { reason }) };
}

/** Whether a number is a time in seconds or milliseconds. @returns its unit */
export const unixUnitOf = (text: string): 's' | 'ms' | undefined => {
  const number = Number(text);
  if (!/^\d{9,13}$/.test(text)) return undefined;
  return number >= FIRST && number < LAST ? 's' : number >= FIRST * 1e3 && number < LAST * 1e3 ? 'ms' : undefined;
};

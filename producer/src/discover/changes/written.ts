import { instantAt, isMapping, readInstant } from '@tributary/shared';
import { carrierOf, parametersOf, withParameters } from '../ask/settings.js';
import type { Settings } from '../guess.js';
import { unixUnitOf } from '../records/types.js';

/** A time in the request from which on the API is asked: the first poll begins there, and later ones where the last ended. */
export interface WrittenSince {
  readonly incremental: Settings;
  /** What the time belongs to, such as the name of its parameter: it tells which column it goes by. */
  readonly name: string;
  readonly reason: string;
  /** Puts the placeholder, or the parameter, in the place of the time. */
  place(settings: Settings): Settings;
}

const SINCE_NAME = /since|after|from|start|begin|min|gte?\b|>|updated|modified|changed|lastmod|on_or_after|newer/i;
const UNTIL_NAME = /until|before|\bto\b|end|max|lte?\b|</i;
/** What stands before a time that is the least: `>=`, `ge datetimeoffset'`, IS_AFTER({Modified}, '. */
const LOWER =
  /(>=?|\b(ge|gte|gt|since|after|from)\b|after\s*\([^)]*|_after\w*|\[)[\s:=]*(datetime(offset)?)?[\s"'([{\\]*$/i;
const TIME = /\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g;

/** The time from which on a request asks, if one is written in it; undefined if there is none. */
export function writtenSince(settings: Settings): WrittenSince | undefined {
  for (const [name, value] of Object.entries(parametersOf(settings))) {
    const text = String(value);
    const form = typeof value === 'object' || value === null ? undefined : formOf(text, name);
    if (form !== undefined && SINCE_NAME.test(name) && !(UNTIL_NAME.test(name) && !/>|gt/.test(name)))
      return ofParameter(name, form, settings);
    const found = typeof value === 'string' ? within(value, name) : undefined;
    if (found === undefined) continue;
    const reason = `the time that stands in \`${name}\` is where the first poll begins`;
    return {
      incremental: found.incremental,
      name: found.name,
      reason,
      place: (given) => withParameters(given, { [name]: found.text }),
    };
  }
  return carrierOf(settings) === 'body' ? inBody(settings.body) : undefined;
}

function ofParameter(name: string, form: Form, settings: Settings): WrittenSince {
  const reason = `the request has a time in \`${name}\`: the first poll begins there`;
  if (carrierOf(settings) !== 'query') {
    return { incremental: form, name, reason, place: (given) => withParameters(given, { [name]: '{{since}}' }) };
  }
  return {
    incremental: { parameter: name, ...form },
    name,
    reason,
    place: (given) => withParameters(given, { [name]: undefined }),
  };
}

type Form = Readonly<{ format?: string; initial: string }>;

/** How a time is written; undefined if the text is none. */
function formOf(text: string, name: string): Form | undefined {
  const unit =
    unixUnitOf(text) ??
    (text === '0' &&
    /since|start|from|after/i.test(name) &&
    !/page|offset|index|at$/i.test(name) &&
    name !== 'start' &&
    name !== 'from'
      ? 's'
      : undefined);
  if (unit !== undefined) {
    const initial = instantAt(Number(text) * (unit === 's' ? 1_000 : 1), '')?.replace('.000Z', 'Z') ?? text;
    return { format: unit === 's' ? 'unix' : 'unix-ms', initial: initial.replace(/T00:00:00Z$/, '') };
  }
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return { format: 'date', initial: text };
  const instant = readInstant(text);
  if (instant === undefined || !/^\d{4}-/.test(text)) return undefined;
  const initial = instant.replace('.000Z', 'Z').replace(/T00:00:00Z$/, '');
  const pattern = patternOf(text);
  return pattern === undefined ? { initial } : { format: pattern, initial };
}

/** ISO with an offset is the usual form, with all its digits. */
function patternOf(text: string): string | undefined {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/.test(text)) return undefined;
  const [day, separator = 'T', clock = ''] = [text.slice(0, 10), text.slice(10, 11), text.slice(11)];
  const parts = clock.replace(/(Z|[+-]\d\d:?\d\d)$/, '').split(':').length;
  return day === ''
    ? undefined
    : `yyyy-MM-dd${separator === 'T' ? "'T'" : ' '}${parts >= 3 ? 'HH:mm:ss' : 'HH:mm'}${/Z$/.test(clock) ? 'X' : ''}`;
}

/** A time within a text in a language of the API's own. */
function within(text: string, name: string) {
  for (const match of text.matchAll(TIME)) {
    const before = text.slice(Math.max(match.index - 60, 0), match.index);
    if (!LOWER.test(before) && !(match.index === 0 && SINCE_NAME.test(name))) continue;
    const form = formOf(match[0], name);
    if (form === undefined) continue;
    // A day within a text mostly stands for its first moment, and the API may take moments as well; only what is written is sure.
    const incremental: Settings = form;
    const words = before.match(/[A-Za-z_@][\w.@ ]*/g) ?? [];
    const named =
      words.findLast(
        (word) => !/^(ge|gt|gte|since|after|from|datetime|datetimeoffset|where|and|is_after)$/i.test(word.trim()),
      ) ?? name;
    return {
      incremental,
      name: named.trim(),
      text: `${text.slice(0, match.index)}{{since}}${text.slice(match.index + match[0].length)}`,
    };
  }
  return undefined;
}

/** A time in a JSON body: `{"on_or_after": "2020-01-01"}`, or `{"operator": "GTE", "value": "1577836800000"}`. */
function inBody(body: unknown): WrittenSince | undefined {
  let found: { form: Form; name: string } | undefined;
  const walk = (value: unknown, name: string, around: unknown): unknown => {
    if (Array.isArray(value)) return value.map((one) => walk(one, name, around));
    if (isMapping(value))
      return Object.fromEntries(Object.entries(value).map(([inner, one]) => [inner, walk(one, inner, value)]));
    if (found !== undefined || (typeof value !== 'string' && typeof value !== 'number')) return value;
    const form = formOf(String(value), name);
    const operator = isMapping(around)
      ? Object.values(around).some((one) => /^(gte?|ge|>=?|after|since|on_or_after)$/i.test(String(one)))
      : false;
    if (form === undefined || !(SINCE_NAME.test(name) || operator)) return value;
    const field = isMapping(around)
      ? Object.values(around).find(
          (one) => typeof one === 'string' && one !== value && !/^(gte?|ge|>=?|after)$/i.test(one),
        )
      : undefined;
    found = { form, name: typeof field === 'string' ? field : name };
    return '{{since}}';
  };
  walk(body, '', undefined);
  if (found === undefined) return undefined;
  const { form, name } = found;
  const place = (given: Settings) => {
    found = undefined;
    return { ...given, body: walk(given.body, '', undefined) };
  };
  return { incremental: form, name, reason: 'the time that stands in the body is where the first poll begins', place };
}

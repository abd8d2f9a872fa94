import { PERSONAL_KINDS, type PersonalKind, SYSTEM_COLUMNS } from '@tributary/shared';
import type { Declared } from './declared.js';
import { isConcealed, judgeColumn } from './judge.js';
import { maskedExample, type Samples } from './samples.js';
import { suggestionFor } from './suggest.js';

/** A column that likely holds something of people. */
export interface Found {
  readonly column: string;
  readonly kind: PersonalKind;
  readonly words: string;
  readonly confidence: number;
  readonly because: string;
  /** Their letters and digits are taken away. */
  readonly examples: readonly string[];
  /** What to do, for a person. */
  readonly advice: string;
  /** The line of the pipeline file, under `entity`; null where there is none. */
  readonly line: string | null;
  readonly entity: string | null;
  readonly isProtected: boolean;
}

/** What was scanned: an endpoint or a dataset. */
export interface Scanned {
  readonly name: string;
  readonly of: 'endpoint' | 'dataset';
  readonly records: number;
  readonly columns: number;
  /** Values that were too many to be looked at. */
  readonly left: number;
  readonly found: readonly Found[];
}

const EXAMPLES = 3;

/** @param declared by where the values lie */
export function scanned(
  name: string,
  of: Scanned['of'],
  samples: Samples,
  declared: ReadonlyMap<string, Declared>,
): Scanned {
  const own = samples.columns.filter(
    ({ path }) => of === 'endpoint' || !(SYSTEM_COLUMNS as readonly string[]).includes(path),
  );
  const found = own.flatMap(({ path, values }): Found[] => {
    const field = fieldOf(path, declared);
    // In rows, what is protected is no longer there to be found; in raw records it is.
    if (of === 'dataset' && (field?.isProtected === true || isConcealed(values))) return [];
    const judged = judgeColumn(path, values);
    if (judged === undefined) return [];
    const { kind, confidence, because } = judged;
    const isText = kind === 'text';
    return [
      {
        column: path,
        kind,
        words: PERSONAL_KINDS[kind].words,
        confidence,
        because,
        examples: isText ? [] : [...new Set(values.map(maskedExample))].slice(0, EXAMPLES),
        ...adviceFor(kind, field, of),
        isProtected: field?.isProtected ?? false,
      },
    ];
  });
  const sorted = found.toSorted((a, b) => b.confidence - a.confidence);
  return { name, of, records: samples.records, columns: own.length, left: samples.left, found: sorted };
}

/** The field that a place belongs to: a field of type json has all that lies below it. */
function fieldOf(path: string, declared: ReadonlyMap<string, Declared>): Declared | undefined {
  for (let place = path; place !== ''; place = above(place)) {
    const found = declared.get(place);
    if (found !== undefined) return found;
  }
  return undefined;
}

const PARTS = '; or declare the parts of it that are needed, and protect those';

/** Always shorter, whatever names a source has: `address[street]` is one. */
const above = (place: string): string =>
  place.endsWith('[]') ? place.slice(0, -2) : place.slice(0, Math.max(0, place.lastIndexOf('.')));

function adviceFor(
  kind: PersonalKind,
  field: Declared | undefined,
  of: Scanned['of'],
): Pick<Found, 'advice' | 'line' | 'entity'> {
  if (field === undefined) {
    const advice =
      of === 'endpoint'
        ? 'not declared: it stays in the producer, unless unknownFields keeps it'
        : 'no field of an entity: look at what makes the column';
    return { advice, line: null, entity: null };
  }
  const { entity, type } = field;
  if (field.isProtected) return { advice: 'protected', line: null, entity };
  const suggestion = suggestionFor(kind, field);
  if ('why' in suggestion) return { advice: suggestion.why, line: null, entity };
  return { advice: `under entities.${entity}.fields${type === 'json' ? PARTS : ''}`, line: suggestion.line, entity };
}

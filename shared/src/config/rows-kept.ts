import { expectedOneOf } from '../words.js';
import type { Fault } from './fault.js';
import type { EntityConfig, PipelineConfig } from './schema.js';

/** How long the rows of an entity are kept, and by which of its fields. */
export interface RowsKept {
  /** Milliseconds. */
  readonly keep: number;
  readonly by: string;
}

const PATH = 'retention.rows';

/** By entity, how long its rows are kept; entities whose rows are kept for ever are left out. */
export function rowsKept(config: Pick<PipelineConfig, 'retention' | 'entities'>): ReadonlyMap<string, RowsKept> {
  const found = asked(config).flatMap(([name, keep, by]) => {
    const field = by ?? config.entities[name]?.version;
    return field === undefined ? [] : [[name, { keep, by: field }] as const];
  });
  return new Map(found);
}

type Asked = readonly [entity: string, keep: number, by: string | undefined];

function asked({ retention: { rows }, entities }: Pick<PipelineConfig, 'retention' | 'entities'>): Asked[] {
  if (rows === undefined) return [];
  if (typeof rows === 'number') return Object.keys(entities).map((name) => [name, rows, undefined]);
  return Object.entries(rows).map(([name, given]) =>
    typeof given === 'number' ? [name, given, undefined] : [name, given.keep, given.by],
  );
}

/** What the age of a row cannot be told by. */
export function* checkRowsKept(config: PipelineConfig): Generator<Fault> {
  const { entities, retention } = config;
  for (const [name, keep, by] of asked(config)) {
    const path = typeof retention.rows === 'number' ? PATH : `${PATH}.${name}`;
    const entity = entities[name];
    if (entity === undefined) {
      yield { path, message: `there is no entity "${name}": ${expectedOneOf(Object.keys(entities))}`, about: name };
      continue;
    }
    const message = keep < SHORTEST ? TOO_SHORT : faultOf(name, entity, by);
    if (message !== undefined) yield { path, message };
  }
}

/** Milliseconds. What is too old goes once a day, and for good. */
const SHORTEST = 86_400_000;
const TOO_SHORT = 'rows are kept for a day at least: m are minutes, and half a year is 180d';

const REMEDY = 'name the entities that are meant, such as { order: 7y, visit: { keep: 90d, by: visitedAt } }';

function faultOf(name: string, { version, fields }: EntityConfig, by: string | undefined): string | undefined {
  const given = by ?? version;
  if (given === undefined) return `"${name}" has no version, which would tell how old its rows are: ${REMEDY}`;
  const field = Object.hasOwn(fields, given) ? fields[given] : undefined;
  if (field === undefined) return `"${name}" has no field "${given}": ${expectedOneOf(Object.keys(fields))}`;
  const what = `the field "${given}" of "${name}"`;
  if (field.protect !== undefined) return `${what} is protected, and does not tell how old a row is: ${REMEDY}`;
  if (field.type !== 'datetime' && field.type !== 'date')
    return `${what} is of type ${field.type}, and not datetime or date: it does not tell how old a row is: ${REMEDY}`;
  return field.optional ? `${what} may be empty ("?"): nobody could tell how old such a row is` : undefined;
}

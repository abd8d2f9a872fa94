import { valueTypesFor, variablesOfRecords } from '../../expressions/fields.js';
import { keyFieldsOf } from '../../records/key.js';
import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import type { Field } from '../fields.js';
import type { MergeConfig, PipelineConfig } from '../schema.js';
import { checkExpression } from './expression.js';

export function* checkMerges(config: PipelineConfig): Generator<Fault> {
  for (const merge of config.merges) yield* checkMerge(`merges.${merge.dataset}`, merge, config);
}

function* checkMerge(path: string, merge: MergeConfig, { entities }: PipelineConfig): Generator<Fault> {
  const each = entities[merge.each.entity];
  const target = entities[merge.with.entity];
  const names = expectedOneOf(Object.keys(entities));
  if (each === undefined)
    yield {
      path: `${path}.each.entity`,
      message: `no entity "${merge.each.entity}": ${names}`,
      about: merge.each.entity,
    };
  if (target === undefined)
    yield {
      path: `${path}.with.entity`,
      message: `no entity "${merge.with.entity}": ${names}`,
      about: merge.with.entity,
    };
  if (each !== undefined && merge.each.entity === merge.with.entity) {
    // Records would be taken for one side only, and columns could not say which of the two they mean.
    const message = `"${merge.with.entity}" is the entity of each too, and a merge joins two: bring what lines point at into an entity of its own, with an endpoint of its own`;
    yield { path: `${path}.with.entity`, message, about: merge.with.entity };
  }
  if (Object.values(entities).some((entity) => entity.dataset === merge.dataset)) {
    yield { path, message: `"${merge.dataset}" is already an entity's dataset` };
  }
  const named = merge.each.lines;
  const lines = named === undefined ? undefined : each?.fields[named];
  if (each !== undefined && named !== undefined && lines?.type !== 'list') {
    yield { path: `${path}.each.lines`, message: `"${named}" must be a field of type list`, about: named };
  }
  const items = lines?.type === 'list' ? lines.items : undefined;
  const line = named === undefined ? each?.fields : items;
  if (line !== undefined && line[merge.with.on] === undefined) {
    const whose = named === undefined ? `"${merge.each.entity}" has no field` : 'a line has no';
    const message = `${whose} "${merge.with.on}": ${expectedOneOf(Object.keys(line))}`;
    yield { path: `${path}.with.on`, message, about: merge.with.on };
  }
  const [key = '', ...others] = target === undefined ? [] : keyFieldsOf(target);
  const [ours, theirs] = [line?.[merge.with.on]?.protect?.type, target?.fields[key]?.protect?.type];
  if (line?.[merge.with.on] !== undefined && target !== undefined && others.length === 0 && ours !== theirs) {
    const message = `"${merge.with.on}" has protect: ${ours ?? 'nothing'} and the key "${key}" of "${merge.with.entity}" ${theirs ?? 'nothing'}: no two of them would be equal; protect both alike`;
    yield { path: `${path}.with.on`, message, about: merge.with.on };
  }
  yield* checkColumns(`${path}.columns`, merge, {
    [merge.each.entity]: each?.fields,
    [merge.with.entity]: target?.fields,
    ...(named !== undefined && { line: items }),
  });
}

/**
 * @param sides the fields of each side by the name that columns give it; undefined for a side that does not exist: that is
 *   a fault of its own, and what is taken from it cannot be judged
 */
function* checkColumns(path: string, { columns }: MergeConfig, sides: Sides): Generator<Fault> {
  for (const [column, definition] of Object.entries(columns)) {
    if (typeof definition !== 'string') yield* checkCalculated(`${path}.${column}.value`, definition, sides);
    else yield* checkSource(`${path}.${column}`, definition, sides);
  }
}

type Sides = Readonly<Record<string, Readonly<Record<string, Field>> | undefined>>;

function* checkSource(path: string, source: string, sides: Sides): Generator<Fault> {
  const [side = '', field = ''] = source.split('.');
  const fields = sides[side];
  const missing = !Object.hasOwn(sides, side)
    ? `no side "${side}": ${expectedOneOf(Object.keys(sides))}`
    : fields !== undefined && !Object.hasOwn(fields, field)
      ? `no field "${field}": ${expectedOneOf(Object.keys(fields))}`
      : undefined;
  if (missing !== undefined) yield { path, message: `"${source}" does not exist: ${missing}`, about: source };
}

function* checkCalculated(
  path: string,
  { type, value }: Exclude<MergeConfig['columns'][string], string>,
  sides: Sides,
): Generator<Fault> {
  const known: Record<string, Readonly<Record<string, Field>>> = {};
  for (const [name, fields] of Object.entries(sides)) {
    if (fields === undefined) return;
    known[name] = fields;
  }
  yield* checkExpression(path, value, variablesOfRecords(known), valueTypesFor(type));
}

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
  if (each === undefined) yield noEntity(`${path}.each.entity`, merge.each.entity, entities);
  const places = merge.with.map((_, place) => (merge.with.length === 1 ? `${path}.with` : `${path}.with.${place}`));
  for (const [place, { entity }] of merge.with.entries()) {
    if (entities[entity] === undefined) yield noEntity(`${places[place]}.entity`, entity, entities);
    else if (entity === merge.each.entity) {
      // Records would be taken for one side only, and columns could not say which of the two they mean.
      const message = `"${entity}" is the entity of each too, and a merge joins two: bring what lines point at into an entity of its own, with an endpoint of its own`;
      yield { path: `${places[place]}.entity`, message, about: entity };
    } else if (merge.with.findIndex((other) => other.entity === entity) < place) {
      const message = `"${entity}" is named twice, and columns could not say which of the two they mean: bring one of them into an entity of its own`;
      yield { path: `${places[place]}.entity`, message, about: entity };
    }
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
  const whose = named === undefined ? `"${merge.each.entity}" has no field` : 'a line has no';
  for (const [place, other] of merge.with.entries()) {
    if (line !== undefined)
      yield* checkPointer(`${places[place]}.on`, other, { line, whose, target: entities[other.entity] });
  }
  yield* checkColumns(`${path}.columns`, merge, {
    [merge.each.entity]: each?.fields,
    ...Object.fromEntries(merge.with.map(({ entity }) => [entity, entities[entity]?.fields])),
    ...(named !== undefined && { line: items }),
  });
}

const noEntity = (path: string, name: string, entities: PipelineConfig['entities']): Fault => ({
  path,
  message: `no entity "${name}": ${expectedOneOf(Object.keys(entities))}`,
  about: name,
});

/** The field of a line that points at another entity. */
function* checkPointer(
  path: string,
  { entity, on }: MergeConfig['with'][number],
  {
    line,
    whose,
    target,
  }: {
    readonly line: Readonly<Record<string, Field>>;
    readonly whose: string;
    readonly target: PipelineConfig['entities'][string] | undefined;
  },
): Generator<Fault> {
  const field = line[on];
  if (field === undefined) {
    yield { path, message: `${whose} "${on}": ${expectedOneOf(Object.keys(line))}`, about: on };
    return;
  }
  const [key = '', ...others] = target === undefined ? [] : keyFieldsOf(target);
  const [ours, theirs] = [field.protect?.type, target?.fields[key]?.protect?.type];
  if (target !== undefined && others.length === 0 && ours !== theirs) {
    const message = `"${on}" has protect: ${ours ?? 'nothing'} and the key "${key}" of "${entity}" ${theirs ?? 'nothing'}: no two of them would be equal; protect both alike`;
    yield { path, message, about: on };
  }
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

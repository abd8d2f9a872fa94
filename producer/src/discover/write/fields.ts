import { pathToName } from '@tributary/shared';
import { Pair, Scalar, YAMLMap } from 'yaml';
import type { EntityDraft } from '../draft.js';
import type { Column } from '../records/column.js';

/** The fields of an entity, each on a line of its own, with what a person should know behind it. */
export function fieldsNode({ columns, required }: EntityDraft): YAMLMap {
  const map = new YAMLMap();
  for (const column of columns) {
    const value = valueNode(column, required.has(column.name));
    const remark = column.reason === undefined ? undefined : `${column.isSure ? '' : 'unsure: '}${column.reason}`;
    if (remark !== undefined) value.comment = ` ${remark}`;
    map.items.push(new Pair(new Scalar(column.name), value));
  }
  return map;
}

function valueNode(column: Column, isRequired: boolean): Scalar | YAMLMap {
  const type = `${column.type}${isRequired ? '' : '?'}`;
  const isElsewhere = column.path !== pathToName(column.name).text;
  if (column.items === undefined && column.unit === undefined && column.format === undefined) {
    return new Scalar(isElsewhere ? `${type} ${column.path}` : type);
  }
  const entries: [string, unknown][] = [['type', type]];
  if (isElsewhere) entries.push(['from', column.path]);
  if (column.unit !== undefined) entries.push(['unit', column.unit]);
  if (column.format !== undefined) entries.push(['format', column.format]);
  const map = flowMap(entries);
  if (column.items !== undefined)
    map.items.push(new Pair(new Scalar('items'), flowMap(column.items.map((item) => [item.name, shortOf(item)]))));
  return map;
}

/** In a list everything may be absent: few of them were seen. */
function shortOf(item: Column): unknown {
  const isElsewhere = item.path !== pathToName(item.name).text;
  if (item.unit === undefined && item.format === undefined) return `${item.type}?${isElsewhere ? ` ${item.path}` : ''}`;
  return {
    type: `${item.type}?`,
    ...(isElsewhere ? { from: item.path } : {}),
    ...(item.unit === undefined ? {} : { unit: item.unit }),
    ...(item.format === undefined ? {} : { format: item.format }),
  };
}

export function flowMap(entries: readonly (readonly [string, unknown])[]): YAMLMap {
  const map = new YAMLMap();
  map.flow = true;
  for (const [name, value] of entries) map.items.push(new Pair(new Scalar(name), nodeOf(value)));
  return map;
}

/** A value in flow style: `{ type: cursor, next: $.next }`. */
export function nodeOf(value: unknown): unknown {
  if (Array.isArray(value) || (typeof value === 'object' && value !== null)) {
    return Array.isArray(value) ? flowSeq(value) : flowMap(Object.entries(value));
  }
  return new Scalar(value);
}

function flowSeq(values: readonly unknown[]): YAMLMap | unknown {
  return values.map(nodeOf);
}

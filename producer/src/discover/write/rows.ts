import { type Environment, parsePipeline } from '@tributary/shared';
import { compileEndpoints, type Endpoint } from '../../endpoint.js';
import { ShapeFindings } from '../../shape/findings.js';
import { readProtectionKeys } from '../../shape/protect/keys.js';
import { compileShape } from '../../shape/shape.js';
import { tableOf } from './table.js';

/** What raw records become by a pipeline file: rows, as a table. */
export interface ShownRows {
  readonly table: string;
  /** How many of the records would be dead letters, and why the first of them would. */
  readonly bad: number;
  readonly reason: string | undefined;
}

const ROWS = 10;

/** @param text of the pipeline file @throws ConfigError with every fault of it */
export function showRows(
  text: string,
  env: Environment,
  file: string,
  records: ReadonlyMap<string, readonly unknown[]>,
  width: number,
): ReadonlyMap<string, ShownRows> {
  const shown = [...rowsByEndpoint(text, env, file, records)].map(
    ([id, { columns, rows, bad, reason }]) =>
      [id, { table: tableOf(columns, rows, width, ROWS), bad, reason }] as const,
  );
  return new Map(shown);
}

const flat = (endpoints: readonly Endpoint[]): readonly Endpoint[] =>
  endpoints.flatMap((endpoint) => [endpoint, ...flat(endpoint.children)]);

/** A column of rows, its type, and in how many of the rows it holds something. */
export interface ShownColumn {
  readonly name: string;
  readonly type: string;
}

interface Rows {
  readonly columns: readonly ShownColumn[];
  readonly rows: readonly unknown[];
  readonly bad: number;
  readonly reason: string | undefined;
}

/** @param text as {@link showRows} @returns rows by endpoint, the newest of each key */
export function rowsByEndpoint(
  text: string,
  env: Environment,
  file: string,
  records: ReadonlyMap<string, readonly unknown[]>,
): ReadonlyMap<string, Rows> {
  const endpoints = flat(compileEndpoints(parsePipeline(text, env, file), readProtectionKeys(env)));
  return new Map(
    endpoints.flatMap((endpoint) => {
      const raw = records.get(endpoint.id);
      return raw === undefined ? [] : [[endpoint.id, rowsOf(endpoint, raw)] as const];
    }),
  );
}

function rowsOf(endpoint: Endpoint, raw: readonly unknown[]): Rows {
  const { entity, config } = endpoint;
  const shape = compileShape(
    entity.config,
    config,
    new ShapeFindings(entity.config.unknownFields),
    endpoint.protectionKeys,
  );
  const newest = new Map<string, unknown>();
  let bad = 0;
  let reason: string | undefined;
  for (const [index, one] of raw.entries()) {
    const { record } = shape.of(one);
    try {
      entity.decode(record);
      newest.set(entity.keyOf(record) ?? String(index), record);
    } catch (error) {
      bad += 1;
      reason ??= error instanceof Error ? error.message : String(error);
    }
  }
  const columns = Object.entries(entity.config.fields).map(([name, { type, optional }]) => ({
    name,
    type: `${type}${optional ? '?' : ''}`,
  }));
  return { columns, rows: [...newest.values()], bad, reason };
}

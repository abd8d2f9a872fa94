import { datasetsOf } from '../../records/row.js';
import { either, expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import type { Field } from '../fields.js';
import { GROUPED, METRICS, WINDOWS } from '../kinds/aggregate-metrics.js';
import type { FieldType } from '../kinds/field-types.js';
import type { AggregateConfig, PipelineConfig } from '../schema.js';

export function* checkAggregates(config: PipelineConfig): Generator<Fault> {
  const names = [...Object.values(config.entities), ...config.merges].map(({ dataset }) => dataset);
  for (const aggregate of config.aggregates) {
    const { dataset, from } = aggregate;
    const path = `aggregates.${dataset}`;
    if (names.includes(dataset)) yield { path, message: `"${dataset}" is already the dataset of an entity or a merge` };
    if (names.includes(from)) {
      const columns = columnsOf(config, from);
      if (columns !== undefined) yield* checkColumns(path, aggregate, columns);
      continue;
    }
    const isAggregate = config.aggregates.some((other) => other.dataset === from);
    const what = isAggregate ? `"${from}" is an aggregate, and groups are made of rows` : `no dataset "${from}"`;
    yield { path: `${path}.from`, message: `${what}: ${expectedOneOf(names)}`, about: from };
  }
}

type Columns = Readonly<Record<string, Field>>;

/** Undefined for a merge that has faults of its own. */
function columnsOf(config: PipelineConfig, dataset: string): Columns | undefined {
  try {
    return datasetsOf({ ...config, aggregates: [] }).find(({ name }) => name === dataset)?.columns;
  } catch {
    return undefined;
  }
}

function* checkColumns(path: string, aggregate: AggregateConfig, columns: Columns): Generator<Fault> {
  const { from, by, window, metrics } = aggregate;
  const at = { from, columns };
  for (const [place, column] of by.entries()) {
    const where = `${path}.by.${place}`;
    yield* checkColumn(where, column, { ...at, types: GROUPED, what: 'rows cannot be grouped by' });
    if (by.indexOf(column) < place) yield { path: where, message: `"${column}" is named twice` };
  }
  if (window !== undefined) {
    const types = WINDOWS[window.every];
    const what = `there is no ${window.every} in`;
    yield* checkColumn(`${path}.window.column`, window.column, { ...at, types, what });
    if (window.zone !== undefined && columns[window.column]?.type === 'date') {
      const message = `"${window.column}" is a date, which is the same day in every zone: leave zone out`;
      yield { path: `${path}.window.zone`, message };
    }
    if (by.includes(window.every)) {
      const message = `the window makes a column "${window.every}" too: leave one of both out`;
      yield { path: `${path}.by.${by.indexOf(window.every)}`, message };
    }
  }
  for (const [name, { kind, column }] of Object.entries(metrics)) {
    const where = `${path}.metrics.${name}`;
    if (by.includes(name) || name === window?.every)
      yield {
        path: where,
        message: `"${name}" is already a column that rows are grouped by: give the metric another name`,
      };
    const types = METRICS[kind].of;
    if (column === undefined || types === undefined) continue;
    yield* checkColumn(`${where}.${kind}`, column, { ...at, types, what: `there is no ${kind} of` });
  }
}

interface Allowed {
  readonly from: string;
  readonly columns: Columns;
  readonly types: readonly FieldType[];
  /** What does not go, in words before the type. */
  readonly what: string;
}

function* checkColumn(path: string, column: string, { from, columns, types, what }: Allowed): Generator<Fault> {
  const field = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (field === undefined) {
    yield { path, message: `no column "${column}" in ${from}: ${expectedOneOf(Object.keys(columns))}`, about: column };
  } else if (!types.includes(field.type)) {
    yield { path, message: `"${column}" is of type ${field.type}, and ${what} it: expected ${either(types)}` };
  }
}

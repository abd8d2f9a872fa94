import { datasetsOf, SYSTEM_COLUMNS } from '../../records/row.js';
import { expectedOneOf } from '../../words.js';
import type { Fault } from '../fault.js';
import { heightOf, levelFault, MOST_NODES } from '../privacy.js';
import type { ExportConfig, PipelineConfig } from '../schema.js';
import { checkS3 } from './s3.js';
import { checkSchedule } from './schedules.js';

/** What becomes the name of a file. */
const FILE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

export function* checkExports(config: PipelineConfig): Generator<Fault> {
  for (const [name, one] of Object.entries(config.exports)) {
    const path = `exports.${name}`;
    yield* one.query === undefined ? checkDataset(path, one, config) : checkQuery(path, one);
    yield* checkTarget(path, one);
    yield* checkSplit(path, one);
    yield* checkPrivacy(path, one, config);
    if (one.schedule !== undefined) yield* checkSchedule(`${path}.schedule`, one.schedule);
  }
}

function* checkQuery(path: string, { query = '', dataset, columns, where, view }: ExportConfig): Generator<Fault> {
  if (!/^\s*(--[^\n]*\n\s*)*(\(\s*)*(select|with|from|values)\b/i.test(query))
    yield { path: `${path}.query`, message: 'expected one SELECT: an export reads, and changes nothing' };
  const both = {
    dataset: dataset !== undefined,
    columns: columns !== undefined,
    where: Object.keys(where).length > 0,
    view: view !== 'latest',
  };
  for (const [setting, isGiven] of Object.entries(both))
    if (isGiven)
      yield { path: `${path}.${setting}`, message: 'the query says what is exported: leave out one of both' };
}

function* checkDataset(path: string, one: ExportConfig, config: PipelineConfig): Generator<Fault> {
  const { dataset, columns = [], where, view } = one;
  if (dataset === undefined) {
    yield { path, message: 'expected a query, or a dataset' };
    return;
  }
  const datasets = datasetsOf(config);
  const found = datasets.find((each) => each.name === dataset);
  if (found === undefined) {
    const message = `no dataset "${dataset}": ${expectedOneOf(datasets.map((each) => each.name))}`;
    yield { path: `${path}.dataset`, message, about: dataset };
    return;
  }
  if (view === 'history' && config.sink.type === 'postgres' && !config.sink.postgres.history)
    yield {
      path: `${path}.view`,
      message: 'Postgres keeps no history here: set sink.postgres.history, or leave it out',
    };
  const known = [...Object.keys(found.columns), ...SYSTEM_COLUMNS];
  const missing = (column: string) => `no column "${column}" in ${dataset}: ${expectedOneOf(known)}`;
  for (const [place, given] of [
    ['columns', columns],
    ['where', Object.keys(where)],
  ] as const) {
    for (const column of given)
      if (!known.includes(column)) yield { path: `${path}.${place}`, message: missing(column), about: column };
  }
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice !== undefined) yield { path: `${path}.columns`, message: `"${twice}" stands there twice`, about: twice };
  const written = one.columns ?? Object.keys(found.columns);
  for (const column of one.split?.by ?? [])
    if (!written.includes(column))
      yield {
        path: `${path}.split.by`,
        message: `"${column}" is no column of the export: ${expectedOneOf(written)}`,
        about: column,
      };
}

function* checkTarget(path: string, { to, s3 }: ExportConfig): Generator<Fault> {
  if (/^[a-z0-9]+:\/\//i.test(to) && !/^s3:\/\/[^/*?{}]+(\/[^*?{}]*)?$/.test(to))
    yield { path: `${path}.to`, message: 'expected a folder of this machine, or s3://bucket/prefix' };
  if (/(^|\/)\.{1,2}(\/|$)/.test(to.replace(/^\.{1,2}\//, '').replace(/^s3:\/\//, '')) || to === '..')
    yield { path: `${path}.to`, message: 'expected a path without .. or . in it: write where it leads' };
  yield* checkS3(path, s3, [{ setting: 'to', url: to, writes: true }]);
}

function* checkSplit(path: string, { split }: ExportConfig): Generator<Fault> {
  if (split === undefined) return;
  const shares = Object.entries(split.shares);
  const wrong = shares.find(([file]) => !FILE_NAME.test(file));
  if (wrong !== undefined)
    yield {
      path: `${path}.split`,
      message: `"${wrong[0]}" becomes the name of a file: expected small letters, digits, dashes`,
      about: wrong[0],
    };
  if (shares.length < 2)
    yield { path: `${path}.split`, message: 'expected two files or more, such as { train: 0.8, test: 0.2, by: id }' };
  const sum = shares.reduce((total, [, share]) => total + share, 0);
  if (shares.length >= 2 && Math.abs(sum - 1) > 1e-9)
    yield { path: `${path}.split`, message: `the shares add up to ${Number(sum.toFixed(9))}: expected 1` };
}

function* checkPrivacy(path: string, one: ExportConfig, config: PipelineConfig): Generator<Fault> {
  if (one.privacy === undefined) return;
  const { quasi, sensitive, keep, l } = one.privacy;
  const own = `${path}.privacy`;
  if (sensitive.length > 0 && l === undefined)
    yield {
      path: own,
      message: 'sensitive columns need l: how many different values they have among rows that are alike',
    };
  if (l !== undefined && sensitive.length === 0)
    yield { path: `${own}.l`, message: 'l is for sensitive columns: name them' };
  const nodes = Object.values(quasi).reduce((product, levels) => product * (heightOf(levels) + 1), 1);
  if (nodes > MOST_NODES)
    yield {
      path: `${own}.quasi`,
      message: `there are ${nodes} ways to make these columns coarser, and ${MOST_NODES} are tried at most: leave out levels`,
    };
  const named = [...Object.keys(quasi), ...sensitive, ...keep];
  const twice = named.find((column, index) => named.indexOf(column) !== index);
  if (twice !== undefined)
    yield { path: own, message: `"${twice}" stands there twice: a column is quasi, sensitive or kept`, about: twice };
  for (const column of one.split?.by ?? [])
    if (!sensitive.includes(column) && !keep.includes(column))
      yield {
        path: `${path}.split.by`,
        message: `"${column}" is not written as it is: expected one of sensitive and keep`,
        about: column,
      };
  if (one.dataset === undefined) return;
  const fields = datasetsOf(config).find((each) => each.name === one.dataset)?.columns;
  const written = one.columns ?? Object.keys(fields ?? {});
  for (const column of named)
    if (fields !== undefined && !written.includes(column))
      yield { path: own, message: `"${column}" is no column of the export: ${expectedOneOf(written)}`, about: column };
  for (const [column, levels] of Object.entries(quasi)) {
    const field = fields?.[column];
    const wrong = field && levels.map((level) => levelFault(level, field.type)).find((fault) => fault !== undefined);
    if (wrong !== undefined) yield { path: `${own}.quasi.${column}`, message: wrong };
  }
}

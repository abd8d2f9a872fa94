import type { Figure, Measured } from './figure.js';
import type { Machine } from './machine.js';
import type { Results } from './run.js';

/** Everything as one object: `drain.csv` is found at `drain`, `csv`. */
export function toJson(machine: Machine, quick: boolean, results: Results): object {
  const json: Record<string, unknown> = { machine: { ...machine, quick } };
  for (const [{ name, unit }, outcome] of results) {
    const [group = name, member] = name.split('.');
    const entry =
      outcome.kind === 'measured'
        ? { unit, ...numbersOf(outcome.measured), others: outcome.others }
        : { [outcome.kind]: outcome.reason };
    json[group] = member === undefined ? entry : { ...(json[group] as object | undefined), [member]: entry };
  }
  return json;
}

function numbersOf({ value, limit, ratio, spread, more }: Measured): object {
  const short = (number: number | undefined) => (number === undefined ? undefined : Math.round(number * 1_000) / 1_000);
  return { value: short(value), limit: short(limit), ratio: short(ratio), spread: short(spread), ...more };
}

/** The results for a person: a line of numbers for each figure, and below it what it measures. */
export function toTable(machine: Machine, quick: boolean, results: Results): string {
  const rows = [...results].map(([figure, outcome]) =>
    outcome.kind === 'measured' ? cells(figure, outcome.measured) : [figure.name, outcome.kind, '', '', ''],
  );
  const lines = align([['figure', 'value', 'limit', 'ratio', 'spread'], ...rows]);
  const explained = [...results].flatMap(([{ sentence }, outcome], index) => [
    lines[index + 1] ?? '',
    `    ${sentence}`,
    ...(outcome.kind === 'measured' ? [] : [`    ${outcome.kind}: ${outcome.reason}`]),
    ...(outcome.kind === 'measured' && outcome.measured.detail ? [`    ${outcome.measured.detail}`] : []),
  ]);
  return [...introduce(machine, quick), '', lines[0] ?? '', ...explained, ''].join('\n');
}

function introduce(machine: Machine, quick: boolean): string[] {
  const { cpu, cores, memoryGb, os, node, rabbitmq, redis, postgres, fsyncMs, loadBefore } = machine;
  const busy = loadBefore > cores / 2 ? '; the machine was busy with other work, so compare only the ratios' : '';
  return [
    `${cores} cores of ${cpu}, ${memoryGb} GB, ${os}, fsync ${fsyncMs} ms; Node ${node}, RabbitMQ ${rabbitmq}, Redis ${redis}${postgres === undefined ? '' : `, Postgres ${postgres}`}`,
    `load before: ${loadBefore}${busy}`,
    ...(quick ? ['a quick run: fewer records and rounds, so less exact than a full one'] : []),
  ];
}

function cells({ name, unit }: Figure, { value, limit, ratio, spread }: Measured): string[] {
  const whole = (number: number | undefined) => (number === undefined ? '' : Math.round(number).toLocaleString('en'));
  const percent = spread === undefined ? '' : `${Math.round(spread * 100)} %`;
  return [name, `${whole(value)} ${unit}`, whole(limit), ratio?.toFixed(2) ?? '', percent];
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(cell).join('  ').trimEnd());
}

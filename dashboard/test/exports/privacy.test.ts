import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type ExportPrivacy, FatalError, type PrivacyLevel } from '@tributary/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quasiOf } from '../../src/exports/privacy/levels.js';
import { rowsQuery } from '../../src/exports/privacy/rows.js';
import { type Choice, chooseNode, nodesOf } from '../../src/exports/privacy/search.js';
import type { Cell, SqlColumn, SqlType } from '../../src/sql/port.js';

const COLUMNS: readonly SqlColumn[] = [
  { name: 'zip', type: 'string' },
  { name: 'age', type: 'integer' },
  { name: 'born', type: 'date' },
  { name: 'city', type: 'string' },
  { name: 'illness', type: 'string' },
  { name: 'income', type: 'integer' },
];

interface Person {
  readonly zip: string | null;
  readonly age: number | null;
  readonly born: string;
  readonly city: string;
  readonly illness: string | null;
  readonly income: number;
}

/** Of a level of a file, which lacks some. */
const HIERARCHY: Readonly<Record<string, string>> = { '80331': 'south', '80333': 'south', '10115': "L'Est" };
const FOLDER = mkdtempSync(join(tmpdir(), 'levels-'));
writeFileSync(
  join(FOLDER, 'zip.csv'),
  Object.entries(HIERARCHY)
    .map(([zip, is]) => `${zip};${zip.slice(0, 2)};${is}\n`)
    .join(''),
);

/** The same levels as the SQL has them, written once more: the finest first, all alike last. */
const ORACLE: Readonly<Record<string, readonly ((person: Person) => string)[]>> = {
  zip: [
    ({ zip }) => zip ?? '',
    ({ zip }) => (zip === null || zip === '' ? '' : (HIERARCHY[zip] ?? '*')),
    ({ zip }) => (zip === null || zip === '' ? '' : `${zip.slice(0, Math.min(1, zip.length - 1))}***`),
    () => '*',
  ],
  age: [
    ({ age }) => (age === null ? '' : String(age)),
    ({ age }) => (age === null ? '' : `${Math.floor(age / 10) * 10}-${Math.floor(age / 10) * 10 + 10}`),
    () => '*',
  ],
  born: [({ born }) => born, ({ born }) => born.slice(0, 4), ({ born }) => `${born.slice(0, 3)}0s`, () => '*'],
  city: [({ city }) => city, ({ city }) => (['Ulm', "L'Aquila"].includes(city) ? 'south' : '*'), () => '*'],
};

const LEVELS: ExportPrivacy['quasi'] = {
  zip: [{ hierarchy: join(FOLDER, 'zip.csv'), level: 2 }, { first: 1 }],
  age: [{ bucket: 10 }],
  born: [{ to: 'year' }, { to: 'decade' }],
  city: [{ groups: { south: ['Ulm', "L'Aquila"] } }],
};

let connection: DuckDBConnection;
beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
});
afterAll(() => {
  connection.closeSync();
  rmSync(FOLDER, { recursive: true });
});

const ask = async (sql: string): Promise<Cell[][]> => (await connection.runAndReadAll(sql)).getRowsJson() as Cell[][];

/** Numbers that look like chance, and are the same for a seed. */
function chance(seed: number) {
  let state = seed * 2_654_435_761 + 1;
  return (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

async function table(seed: number): Promise<Person[]> {
  const pick = chance(seed);
  const one = <T>(...of: readonly T[]): T => of[pick(of.length)] as T;
  const people = Array.from(
    { length: 1 + pick(40) },
    (): Person => ({
      zip: one('80331', '80333', '80997', '8', '', null, '10115'),
      age: one(null, 3, 29, 30, 31, 39, 40),
      born: `19${one('79', '80', '81')}-0${one(1, 2)}-15`,
      city: one('Ulm', "L'Aquila", 'Kiel'),
      illness: one('flu', 'cold', 'none', '', null),
      income: one(1, 2),
    }),
  );
  const text = (value: string | number | null) =>
    value === null ? 'NULL' : typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
  const rows = people.map((person) => `(${COLUMNS.map(({ name }) => text(person[name as keyof Person])).join(', ')})`);
  await connection.run('DROP TABLE IF EXISTS people');
  await connection.run('CREATE TABLE people (zip text, age bigint, born date, city text, illness text, income bigint)');
  await connection.run(`INSERT INTO people VALUES ${rows.join(', ')}`);
  return people;
}

function privacyOf(seed: number): ExportPrivacy {
  const pick = chance(seed + 1_000);
  const names = Object.keys(LEVELS).filter(() => pick(3) > 0);
  const sensitive = [[], ['illness'], ['illness', 'income']][pick(3)] ?? [];
  return {
    quasi: Object.fromEntries((names.length === 0 ? ['zip'] : names).map((name) => [name, LEVELS[name] ?? []])),
    k: pick(6) === 0 ? 30 : 2 + pick(4),
    sensitive,
    l: sensitive.length === 0 ? undefined : 2,
    keep: [],
    suppressAtMost: [0, 0.1, 0.3][pick(3)] ?? 0,
  };
}

/** The people in groups that are large and different enough, by plain counting. */
function left(
  people: readonly Person[],
  { quasi, k, l = 1, sensitive }: ExportPrivacy,
  node: readonly number[],
): Person[] {
  const groups = new Map<string, Person[]>();
  for (const person of people) {
    const key = JSON.stringify(Object.keys(quasi).map((name, index) => ORACLE[name]?.[node[index] ?? 0]?.(person)));
    groups.set(key, [...(groups.get(key) ?? []), person]);
  }
  const isGood = (group: readonly Person[]) =>
    group.length >= k &&
    sensitive.every((name) => {
      const values = group
        .map((person) => person[name as keyof Person])
        .filter((value) => value !== null && value !== '');
      return new Set(values).size >= l;
    });
  return [...groups.values()].filter(isGood).flat();
}

/** Every way, the one that loses the least: each is tried. */
function oracle(
  people: readonly Person[],
  privacy: ExportPrivacy,
): { loss: number; node: string; suppressed: number } | undefined {
  const names = Object.keys(privacy.quasi);
  const tops = names.map((name) => (ORACLE[name]?.length ?? 1) - 1);
  let all: number[][] = [[]];
  for (const top of tops) all = all.flatMap((node) => Array.from({ length: top + 1 }, (_, level) => [...node, level]));
  const allowed = all.flatMap((node) => {
    const suppressed = people.length - left(people, privacy, node).length;
    if (suppressed === people.length || suppressed > privacy.suppressAtMost * people.length) return [];
    const loss = node.reduce((sum, level, index) => sum + level / (tops[index] ?? 1), 0);
    return [{ loss: Number(loss.toFixed(9)), node: node.join(), suppressed }];
  });
  return allowed.toSorted((a, b) => a.loss - b.loss || (a.node < b.node ? -1 : 1))[0];
}

const seeds = Array.from({ length: 60 }, (_, seed) => seed);

/** Types of SQL and ours, a level, values, and what they become. */
const ODD: readonly [string, SqlType, PrivacyLevel, readonly string[], readonly string[]][] = [
  ['text', 'string', { to: 'year' }, ['12/03/1984', '19840312', 'Ada', '10000-01-01', '1984-03-12'], ['*', '1984']],
  ['text', 'string', { first: 2 }, ['👩‍👩‍👧x', 'é', 'ab', 'abc'], ['***', 'a***', 'ab***', '👩\u200d***']],
  ['double', 'number', { bucket: 10 }, ['NaN', 'Infinity', '-Infinity', '1e300', '-3.5'], ['*', '-10-0']],
  ['decimal(38, 2)', 'decimal', { bucket: 1 }, ['99999999999999999999999999999999.99', '-0.01', '1e15'], ['*', '-1-0']],
  ['text', 'string', { groups: { "l'un": ["d'or", ''], '*x': ['\\'] } }, ["d'or", '\\', 'x'], ['*', '*x', "l'un"]],
];

describe('an export with privacy', () => {
  it('chooses what plain counting of every way chooses, and gives these rows', async () => {
    let refused = 0;
    for (const seed of seeds) {
      const people = await table(seed);
      const privacy = privacyOf(seed);
      const quasi = quasiOf(privacy, COLUMNS);
      const best = oracle(people, privacy);
      if (best === undefined) {
        await expect(chooseNode('SELECT * FROM people', privacy, quasi, ask), `seed ${seed}`).rejects.toThrow(
          FatalError,
        );
        refused += 1;
        continue;
      }
      const choice = await chooseNode('SELECT * FROM people -- all', privacy, quasi, ask);
      expect({ node: choice.node.join(), suppressed: choice.suppressed }, `seed ${seed}`).toEqual({
        node: best.node,
        suppressed: best.suppressed,
      });
      const names = Object.keys(privacy.quasi);
      const written = COLUMNS.filter(({ name }) => names.includes(name) || privacy.sensitive.includes(name));
      const rows = await ask(rowsQuery('SELECT * FROM people;', privacy, quasi, choice, written));
      const wanted = left(people, privacy, choice.node).map((person) =>
        written.map(({ name }) => {
          const level = choice.node[names.indexOf(name)] ?? 0;
          const value = level === 0 ? person[name as keyof Person] : (ORACLE[name]?.[level]?.(person) ?? null);
          const isNone = value === null || (value === '' && names.includes(name));
          return isNone ? null : String(value);
        }),
      );
      const told = rows.map((row) => row.slice(0, -3).map((cell) => (cell === null ? null : String(cell))));
      expect(told.map((row) => JSON.stringify(row)).sort(), `seed ${seed}`).toEqual(
        wanted.map((row) => JSON.stringify(row)).sort(),
      );
      for (const row of rows) {
        expect(Number(row.at(-3))).toBe(people.length);
        expect(Number(row.at(-2))).toBeGreaterThanOrEqual(privacy.k);
        if (privacy.l !== undefined) expect(Number(row.at(-1))).toBeGreaterThanOrEqual(privacy.l);
      }
    }
    // Both ways to end are tried.
    expect(refused).toBeGreaterThan(5);
    expect(refused).toBeLessThan(50);
  }, 120_000);

  it('tries no way that has levels which alone leave out too many rows', async () => {
    const people = Array.from({ length: 40 }, (_, at) => `('${10_000 + at}', ${at % 2}, 'Ulm', '${at % 2}')`);
    await connection.run('CREATE OR REPLACE TABLE known (zip text, age bigint, city text, illness text)');
    await connection.run(`INSERT INTO known VALUES ${people.join(', ')}`);
    const levels = { zip: [{ first: 4 }, { first: 2 }], age: [], city: [] };
    const privacy: ExportPrivacy = { quasi: levels, k: 11, sensitive: [], keep: [], suppressAtMost: 0 };
    const asked: string[] = [];
    const choice = await chooseNode('SELECT * FROM known', privacy, quasiOf(privacy, COLUMNS), async (sql) => {
      asked.push(sql);
      return await ask(sql);
    });
    expect(choice).toEqual({ node: [2, 0, 0], rows: 40, suppressed: 0 });
    // Of the zip, the code itself and its first four digits.
    for (const level of ['q0_0', 'q0_1']) expect(asked.filter((sql) => sql.includes(level))).toEqual([asked[0]]);
  });

  it('tries what loses least at first', () => {
    const levels = [1, 2, 3].map((index) => ({ words: String(index), sql: '' }));
    expect(nodesOf([{ levels }, { levels: levels.slice(0, 2) }]).map((node) => node.join(''))).toEqual([
      '00',
      '10',
      '01',
      '20',
      '11',
      '21',
    ]);
  });

  it('refuses a column that is not there, and a level for another type', () => {
    const privacy = (quasi: ExportPrivacy['quasi']): ExportPrivacy => ({ ...privacyOf(0), quasi });
    expect(() => quasiOf(privacy({ nothing: [] }), COLUMNS)).toThrow('"nothing" is no column');
    expect(() => quasiOf(privacy({ zip: [{ bucket: 10 }] }), COLUMNS)).toThrow('bucket is for integer');
    expect(() => quasiOf(privacy({ age: [{ to: 'year' }] }), COLUMNS)).toThrow('to is for date');
  });

  it.each(ODD)('makes %s coarser whatever stands there (%s, %o)', async (sqlType, type, level, values, wanted) => {
    await connection.run(`CREATE OR REPLACE TABLE odd (v ${sqlType})`);
    const given = values.map((value) => `('${value.replaceAll("'", "''")}'::${sqlType})`);
    await connection.run(`INSERT INTO odd VALUES ${given.join(', ')}`);
    const privacy: ExportPrivacy = {
      quasi: { v: [level] },
      k: 2,
      sensitive: [],
      keep: [],
      suppressAtMost: 0,
    };
    const [{ levels } = { levels: [] }] = quasiOf(privacy, [{ name: 'v', type }]);
    const rows = await ask(`SELECT DISTINCT ${levels[1]?.sql} AS made FROM odd`);
    expect(rows.map(([made]) => made).sort()).toEqual([...wanted].sort());
  });

  it('gives no row of a group that has become too small since the levels were chosen', async () => {
    await table(3);
    await connection.run(
      "DELETE FROM people; INSERT INTO people VALUES ('1', 1, '1980-01-01', 'Ulm', 'flu', 1), ('1', 1, '1980-01-01', 'Ulm', 'cold', 1)",
    );
    const privacy: ExportPrivacy = {
      quasi: { zip: [] },
      k: 2,
      sensitive: ['illness'],
      l: 2,
      keep: [],
      suppressAtMost: 0,
    };
    const quasi = quasiOf(privacy, COLUMNS);
    const choice: Choice = await chooseNode('SELECT * FROM people', privacy, quasi, ask);
    expect(choice).toEqual({ node: [0], rows: 2, suppressed: 0 });
    await connection.run(
      "INSERT INTO people VALUES ('2', 1, '1980-01-01', 'Ulm', 'flu', 1); UPDATE people SET illness = 'flu'",
    );
    expect(await ask(rowsQuery('SELECT * FROM people', privacy, quasi, choice, COLUMNS))).toEqual([]);
  });
});

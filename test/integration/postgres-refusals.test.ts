import { randomBytes } from 'node:crypto';
import { datasetsOf, RetryableError, type Row } from '@tributary/shared';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { type Refusal, RowsRefused } from '../../consumer/src/sinks/refused.js';
import { partRow, pipeline } from '../../consumer/test/sinks/records.js';
import { type PostgresStore, postgresStore } from './postgres-store.js';

const EPOCH = 'sink.run.1';

/** A writer onto a new store. */
async function begin(settings: { history?: boolean } = {}, config = pipeline()) {
  const store = await postgresStore(inject('postgresUrl'), settings);
  const sink = store.connect(config);
  onTestFinished(async () => {
    await sink.close();
    await store.remove();
  });
  await sink.beginEpoch(EPOCH);
  return { store, writer: await sink.open('writer-1', EPOCH) };
}

/** What the write's sink refused. */
async function refused(write: Promise<unknown>): Promise<readonly Refusal[]> {
  const error = await write.catch((reason: unknown) => reason);
  if (error instanceof RowsRefused) return error.refusals;
  throw error ?? new Error('nothing was refused');
}

const keysOf = (store: PostgresStore) =>
  store.query<{ _key: string }>('SELECT _key FROM parts ORDER BY _key').then((rows) => rows.map(({ _key }) => _key));

const trigger = (body: string) =>
  `CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN NEW; END $$;
   CREATE TRIGGER theirs BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION theirs()`;

const named = (key: string, name: string) => partRow(key, 1, name);
const long = randomBytes(6_000).toString('base64');

/** What a person may add to the table, the row that it refuses then, and the words for it. */
type Kind = [what: string, statement: string, bad: Row, words: RegExp, field: string | undefined];
const kind = (what: string, statement: string, bad: Row, words: RegExp, field?: string): Kind => [
  what,
  statement,
  bad,
  words,
  field,
];
const KINDS: readonly Kind[] = [
  kind(
    'an index, a value too long for it',
    'CREATE INDEX ON parts (name)',
    named('B', long),
    /index row .*(SQLSTATE 54000)/,
  ),
  kind(
    'a unique index',
    'CREATE UNIQUE INDEX one_name ON parts (name)',
    named('B', 'name of A'),
    /duplicate key .* "one_name": Key \(name\)=\(name of A\) already exists.* \(SQLSTATE 23505, constraint "one_name"\)/,
    'name',
  ),
  kind(
    'a check',
    "ALTER TABLE parts ADD CONSTRAINT no_b CHECK (name <> 'b')",
    named('B', 'b'),
    /23514, constraint "no_b"/,
  ),
  kind(
    'a column that must not be empty',
    'ALTER TABLE parts ALTER name SET NOT NULL',
    { ...named('B', ''), values: { sku: 'B', revision: 1 } },
    /null value in column "name".*23502, column "name"/,
    'name',
  ),
  kind(
    'a foreign key, checked at the COMMIT',
    `CREATE TABLE names (name text PRIMARY KEY); INSERT INTO names SELECT 'name of ' || unnest(ARRAY['A', 'C', 'D', 'E']);
     ALTER TABLE parts ADD FOREIGN KEY (name) REFERENCES names DEFERRABLE INITIALLY DEFERRED`,
    named('B', 'unknown'),
    /violates foreign key.*Key \(name\)=\(unknown\) is not present.*23503/,
    'name',
  ),
  kind(
    'an exclusion',
    'ALTER TABLE parts ADD CONSTRAINT apart EXCLUDE USING btree (name WITH =)',
    named('B', 'name of A'),
    /conflicting key value.*23P01/,
    'name',
  ),
  kind(
    'a generated column',
    'ALTER TABLE parts ADD half integer GENERATED ALWAYS AS (10 / length(name)) STORED',
    named('B', ''),
    /division by zero.*22012/,
  ),
  kind(
    'an index over an expression',
    'CREATE INDEX ON parts ((CASE WHEN length(name) < 3 THEN name::integer END))',
    named('B', 'b'),
    /invalid input syntax for type integer.*22P02/,
  ),
  kind(
    'a number that overflows',
    'CREATE INDEX ON parts ((revision + 9223372036854775000))',
    { ...partRow('B', 1), values: { sku: 'B', revision: 9_999 } },
    /bigint out of range.*22003/,
  ),
  kind(
    'a trigger that raises',
    trigger("IF NEW.name = 'b' THEN RAISE 'not on a Sunday'; END IF"),
    named('B', 'b'),
    /not on a Sunday \(SQLSTATE P0001/,
  ),
  kind(
    'a trigger that fails for one row',
    trigger("IF NEW.name = 'b' THEN PERFORM missing(NEW.name); END IF"),
    named('B', 'b'),
    /function missing.*does not exist.*42883/,
  ),
  kind(
    'a trigger with an error code of its own',
    trigger("IF NEW.name = 'b' THEN RAISE 'mine' USING ERRCODE = 'U0001'; END IF"),
    named('B', 'b'),
    /mine \(SQLSTATE U0001/,
  ),
  kind(
    'a trigger that raises what is said of a database',
    trigger("IF NEW.name = 'b' THEN RAISE 'not ready' USING ERRCODE = '55000'; END IF"),
    named('B', 'b'),
    /not ready \(SQLSTATE 55000/,
  ),
  kind(
    'a trigger that leaves it out',
    `CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF NEW.name = 'b' THEN RETURN NULL; END IF; RETURN NEW; END $$;
     CREATE TRIGGER theirs BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION theirs()`,
    named('B', 'b'),
    /took the row and did not keep it: a trigger or a rule .*\(no error\)/,
  ),
  kind(
    'a value of JSON that is too deep',
    'ALTER TABLE parts ADD deep jsonb GENERATED ALWAYS AS (name::jsonb) STORED',
    named('B', `${'['.repeat(50_000)}${']'.repeat(50_000)}`),
    /stack depth.*54001/,
  ),
  kind(
    'a column that was made narrower',
    'ALTER TABLE parts ALTER name TYPE varchar(20)',
    named('B', 'longer than twenty characters'),
    /value too long for type character varying\(20\) \(SQLSTATE 22001\)/,
  ),
  kind(
    'a domain',
    'CREATE DOMAIN short AS text CHECK (length(value) < 20); ALTER TABLE parts ALTER name TYPE short',
    named('B', 'longer than twenty characters'),
    /value for domain .*violates check constraint "short_check" \(SQLSTATE 23514/,
  ),
  kind(
    'a partition that is missing',
    `ALTER TABLE parts RENAME TO earlier; CREATE TABLE parts (LIKE earlier INCLUDING ALL) PARTITION BY RANGE (_key);
     CREATE TABLE a PARTITION OF parts FOR VALUES FROM ('A') TO ('B'); CREATE TABLE c PARTITION OF parts FOR VALUES FROM ('C') TO ('Z')`,
    named('B', 'b'),
    /no partition of relation "parts" found for row \(SQLSTATE 23514/,
  ),
  kind(
    'a trigger at the COMMIT',
    `CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF NEW.name = 'b' THEN RAISE 'too late'; END IF; RETURN NEW; END $$;
     CREATE CONSTRAINT TRIGGER theirs AFTER INSERT ON parts DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION theirs()`,
    named('B', 'b'),
    /too late \(SQLSTATE P0001/,
  ),
  kind(
    'a trigger of the whole statement',
    `CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       IF EXISTS (SELECT FROM added WHERE name = 'b') THEN RAISE 'not with b'; END IF; RETURN NULL; END $$;
     CREATE TRIGGER theirs AFTER INSERT ON parts REFERENCING NEW TABLE AS added
       FOR EACH STATEMENT EXECUTE FUNCTION theirs()`,
    named('B', 'b'),
    /not with b \(SQLSTATE P0001/,
  ),
  kind(
    'a text that is too long to be searched',
    "ALTER TABLE parts ADD words tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, coalesce(name, ''))) STORED",
    named('B', Array.from({ length: 600 }, (_, number) => `w${number}`.padEnd(2_000, 'x')).join(' ')),
    /string is too long for tsvector .*SQLSTATE 54000/,
  ),
];

describe('a row that Postgres refuses for what it holds', () => {
  test.each(KINDS)('because of %s, is refused alone, in its words', async (_what, statement, bad, words, field) => {
    const { store, writer } = await begin();
    const json = statement.includes('jsonb');
    const good = ['A', 'C', 'D', 'E'].map((key) => named(key, json ? '1' : `name of ${key}`));
    await store.query(statement);
    const [first, ...others] = good;
    if (first === undefined) return;
    const [one, ...more] = await refused(writer.write('parts', [first, bad, ...others]));
    expect(more).toEqual([]);
    expect(one?.row).toBe(bad);
    expect(one?.error.code).toBe('row_refused');
    expect(one?.error.message).toMatch(words);
    expect(one?.error.message).toMatch(/^Postgres refuses its row in parts: .*replay the dead letter$/s);
    expect(one?.error.message.length).toBeLessThan(1_000);
    expect(one?.error.field).toBe(field);
    expect(await keysOf(store)).toEqual(['A', 'C', 'D', 'E']);
    // Alone, too: nothing else in the write shows that the table takes rows.
    expect(await refused(writer.write('parts', [bad]))).toHaveLength(1);
    // With words that are the same each time: a record that comes with every poll is buried once.
    const [again] = await refused(writer.write('parts', [bad, named('F', json ? '1' : 'name of A F')].slice(0, 1)));
    expect(again?.error.message).toBe(one?.error.message);
  });

  test('because another table still needs the row that it deletes, is refused alone', async () => {
    const { store, writer } = await begin();
    await writer.write('parts', [named('A', 'a'), named('B', 'b')]);
    await store.query("CREATE TABLE uses (part text REFERENCES parts); INSERT INTO uses VALUES ('A')");
    const deleted = (key: string): Row => ({ ...partRow(key, 2), values: null });
    const [one, ...more] = await refused(writer.write('parts', [deleted('A'), deleted('B'), named('C', 'c')]));
    expect([one?.row.key, more]).toEqual(['A', []]);
    expect(one?.error.message).toMatch(/Key \(_key\)=\(A\) is still referenced from table "uses".*SQLSTATE 23503/);
    expect(await keysOf(store)).toEqual(['A', 'C']);
  });

  test('because it has more columns than fit a page, is refused alone', async () => {
    const fields = Array.from({ length: 800 }, (_, number) => `f${number}: string?`).join(', ');
    const config = pipeline(`
entities:
  part: { dataset: parts, queue: part_data, key: sku, fields: { sku: string, ${fields} } }
endpoints: {}
`);
    expect(datasetsOf(config)).toHaveLength(1);
    const { store, writer } = await begin({ history: true }, config);
    const wide = (key: string, columns: number): Row => {
      const values = Array.from({ length: columns }, (_, number) => [`f${number}`, randomBytes(12).toString('hex')]);
      return { ...partRow(key, 1), values: { sku: key, ...Object.fromEntries(values) } };
    };
    const refusals = await refused(writer.write('parts', [wide('A', 10), wide('B', 800), wide('C', 20)]));
    expect(refusals.map(({ row }) => row.key)).toEqual(['B']);
    expect(refusals[0]?.error.message).toMatch(/row is too big.*SQLSTATE 54000/);
    expect(await keysOf(store)).toEqual(['A', 'C']);
    expect(await store.query('SELECT _key FROM parts_history ORDER BY _key')).toEqual([{ _key: 'A' }, { _key: 'C' }]);
  });

  test('among thousands is found, and all others land, while an older content of its key that was given with it does', async () => {
    const { store, writer } = await begin({ history: true });
    await store.query("ALTER TABLE parts ADD CHECK (name <> 'bad')");
    const rows = Array.from({ length: 2_111 }, (_, number) => partRow(`key ${number}`, 1));
    const bad = [7, 8, 1_000, 2_110].map((number) => partRow(`key ${number}`, 2, 'bad'));
    const refusals = await refused(writer.write('parts', [...rows, ...bad]));
    expect(refusals.map(({ row }) => row.key).sort()).toEqual(bad.map(({ key }) => key).sort());
    const counts =
      'SELECT (SELECT count(*)::int FROM parts) AS rows, (SELECT count(*)::int FROM parts_history) AS past';
    expect(await store.query(counts)).toEqual([{ rows: 2_111, past: 2_111 }]);
  });
});

describe('what is of the database, and not of a row,', () => {
  test.each([
    ['a disk that is full', 'disk_full'],
    ['memory that is not there', 'out_of_memory'],
    ['a server that stops', 'admin_shutdown'],
    ['a right that is missing', 'insufficient_privilege'],
    ['a server that is read-only', 'read_only_sql_transaction'],
  ])('such as %s, refuses no row', async (_what, condition) => {
    const { store, writer } = await begin();
    await store.query(trigger(`RAISE 'away' USING ERRCODE = '${condition}'`));
    await expect(writer.write('parts', [partRow('A', 1), partRow('B', 1)])).rejects.toBeInstanceOf(RetryableError);
    expect(await keysOf(store)).toEqual([]);
    await store.query('DROP TRIGGER theirs ON parts');
    await writer.write('parts', [partRow('A', 1), partRow('B', 1)]);
    expect(await keysOf(store)).toEqual(['A', 'B']);
  });

  test.each([
    ['a table that a migration drops', 'DROP TABLE parts_tombstones'],
    ['a column that a migration drops', 'ALTER TABLE parts DROP COLUMN name'],
    ['a history that is dropped', 'DROP TABLE parts_history'],
  ])('such as %s, refuses no row, and is made again', async (_what, statement) => {
    const { store, writer } = await begin({ history: true });
    await writer.write('parts', [partRow('A', 1)]);
    await store.query(statement);
    const rows = [partRow('B', 1), partRow('C', 1)];
    await expect(writer.write('parts', rows)).rejects.toBeInstanceOf(RetryableError);
    await writer.write('parts', rows);
    expect(await keysOf(store)).toEqual(['A', 'B', 'C']);
  });

  test.each([
    [
      'a column that another person added, that must have a value, and that nothing fills',
      'ALTER TABLE parts ADD note text NOT NULL',
      'ALTER TABLE parts DROP note',
      /null value in column "note".*nothing fills that column: give it a default/,
    ],
    [
      'a column of a history that another person added in that way',
      'ALTER TABLE parts_history ADD note text NOT NULL',
      'ALTER TABLE parts_history ALTER note SET DEFAULT 1',
      /null value in column "note" of relation "parts_history".*give it a default/,
    ],
    [
      'a column that was made anew, and is generated',
      "ALTER TABLE parts DROP name; ALTER TABLE parts ADD name text GENERATED ALWAYS AS ('x') STORED",
      'ALTER TABLE parts DROP name; ALTER TABLE parts ADD name text',
      /cannot insert a non-DEFAULT value into column "name"/,
    ],
    [
      'a table that has lost its key',
      'ALTER TABLE parts DROP CONSTRAINT parts_pkey',
      'ALTER TABLE parts ADD PRIMARY KEY (_key)',
      /no unique or exclusion constraint matching/,
    ],
  ])('such as %s, refuses no row, and says what to do', async (_what, statement, undo, words) => {
    const { store, writer } = await begin({ history: true });
    await store.query(statement);
    const rows = [partRow('A', 1), partRow('B', 1)];
    const failure = await writer.write('parts', rows).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RetryableError);
    expect(String(failure)).toMatch(words);
    expect(await keysOf(store)).toEqual([]);
    await store.query(undo);
    await writer.write('parts', rows);
    expect(await keysOf(store)).toEqual(['A', 'B']);
  });

  test('such as a trigger that leaves out every row, refuses no row, and none counts as written', async () => {
    const { store, writer } = await begin();
    await writer.write('parts', [partRow('A', 1)]);
    await store.query(`CREATE FUNCTION theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
      CREATE TRIGGER theirs BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION theirs()`);
    const rows = [partRow('A', 2), partRow('B', 1)];
    await expect(writer.write('parts', rows)).rejects.toThrow(/did not keep it/);
    await store.query('DROP TRIGGER theirs ON parts');
    await writer.write('parts', rows);
    expect(await keysOf(store)).toEqual(['A', 'B']);
  });

  test('such as a trigger that can never run, refuses no row, whether or not the table has any', async () => {
    const { store, writer } = await begin();
    await writer.write('things', []);
    const broken = trigger('PERFORM missing()');
    await store.query(broken);
    await expect(writer.write('parts', [partRow('A', 1)])).rejects.toBeInstanceOf(RetryableError);
    await store.query('ALTER TABLE parts DISABLE TRIGGER theirs');
    await writer.write('parts', [partRow('A', 1)]);
    await store.query('ALTER TABLE parts ENABLE TRIGGER theirs');
    await expect(writer.write('parts', [partRow('B', 1), partRow('C', 1)])).rejects.toBeInstanceOf(RetryableError);
    expect(await keysOf(store)).toEqual(['A']);
  });
});

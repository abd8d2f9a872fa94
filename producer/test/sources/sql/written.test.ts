import { systemClock } from '@tributary/shared';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Gate } from '../../../src/sources/gate.js';
import type { Database } from '../../../src/sources/sql/database.js';
import { openDatabase } from '../../../src/sources/sql/databases.js';
import { OdbcDatabase } from '../../../src/sources/sql/odbc/odbc.js';
import { readOdbcUrl } from '../../../src/sources/sql/odbc/url.js';
import { OracleDatabase } from '../../../src/sources/sql/oracle/oracle.js';
import { SqlSource } from '../../../src/sources/sql/sql.js';
import { pipelineWith, sqlEndpointWith } from '../../support/pipeline.js';

// There is no Oracle, DB2 or SQL Server to run these against: what is sent to them is compared with what their manuals say.

const OPTIONS = { timeout: 60_000, connectTimeout: 2_000 };

const FIELDS = { account: 'string', amount: 'decimal', updated: 'datetime' };

/** Reads two polls of a table, the second one since a mark, and two chunks of the first. @returns what was sent, with its values */
async function readBy(database: Database): Promise<void> {
  const entities = {
    booking: { dataset: 'b', queue: 'b', key: ['account'], version: 'updated', fields: FIELDS },
  };
  const settings = {
    entity: 'booking',
    url: 'oracle://reader@host:1521/bank',
    table: 'CORE.BOOKINGS',
    chunk: 1,
    retries: 0,
  };
  const map = { account: '$.ACCOUNT', amount: '$.AMOUNT', updated: '$.UPDATED' };
  const endpoint = sqlEndpointWith({ ...settings, map }, { entities });
  const source = new SqlSource(endpoint, {
    database,
    gate: new Gate(pipelineWith({}).limits, systemClock),
    clock: systemClock,
    random: Math.random,
    onRetry() {},
    onDoubt() {},
  });
  onTestFinished(() => database.close());
  for (const since of [undefined, '2026-01-01T00:00:00.123Z']) {
    for await (const _ of source.pages({ since, validators: [], signal: new AbortController().signal }));
  }
}

const ROW = ['DE1', '12345678901234567890.5', '2026-01-01 00:00:00.123456'] as const;

/** What a driver is asked; it gives one row for the first chunk, and then none. */
class Asked {
  readonly texts: string[] = [];
  #rows = 1;

  /** @returns whether it answers with a row */
  note(text: string, values: readonly unknown[]): boolean {
    this.texts.push(values.length === 0 ? text : `${text} <- ${values.join(', ')}`);
    return text.includes('ORDER BY') && !text.includes('ALL_TAB') && this.#rows-- > 0;
  }
}

describe('what is sent to Oracle', () => {
  test('follows its grammar, with values as text that it converts', async () => {
    const asked = new Asked();
    const metaData = [
      { name: 'ACCOUNT', dbTypeName: 'VARCHAR2' },
      { name: 'AMOUNT', dbTypeName: 'NUMBER' },
      { name: 'UPDATED', dbTypeName: 'TIMESTAMP' },
    ];
    const connection = {
      callTimeout: 0,
      async execute(text: string, values: readonly unknown[]) {
        const rows = asked.note(text, values) ? [ROW] : [];
        if (!text.includes('ALL_TAB_COLUMNS')) return { metaData, rows };
        const column = (name: string, type: string, key: string | null) => [
          'BOOKINGS',
          'CORE',
          name,
          type,
          'N',
          key,
          '7',
        ];
        return { metaData: [], rows: [column('ACCOUNT', 'VARCHAR2', '1'), column('UPDATED', 'TIMESTAMP(6)', null)] };
      },
      async break() {},
      async close() {},
    };
    const url = 'oracle://reader:secret@host:1521/bank';
    const driver = { STRING: 1, BUFFER: 2, OUT_FORMAT_ARRAY: 3, getConnection: async () => connection };
    await readBy(new OracleDatabase({ ...OPTIONS, url }, () => driver));
    expect(connection.callTimeout).toBe(60_000);
    const sent = asked.texts.filter((text) => !/^(COMMIT|SET TRANSACTION|ALTER SESSION|\nSELECT c.TABLE)/.test(text));
    expect(new Set(sent)).toEqual(
      new Set([
        "SELECT FLOOR((CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - DATE '1970-01-01') * 86400) * 1000 FROM DUAL",
        'SELECT * FROM "CORE"."BOOKINGS" FETCH FIRST 1 ROWS ONLY',
        'SELECT * FROM "CORE"."BOOKINGS" ORDER BY "UPDATED", "ACCOUNT" FETCH FIRST 1 ROWS ONLY',
        `SELECT * FROM "CORE"."BOOKINGS" WHERE "UPDATED" >= TO_TIMESTAMP(:1, 'YYYY-MM-DD HH24:MI:SS.FF') AND ("UPDATED" > TO_TIMESTAMP(:2, 'YYYY-MM-DD HH24:MI:SS.FF') OR ("UPDATED" = TO_TIMESTAMP(:3, 'YYYY-MM-DD HH24:MI:SS.FF') AND "ACCOUNT" > :4)) ORDER BY "UPDATED", "ACCOUNT" FETCH FIRST 1 ROWS ONLY <- ${ROW[2]}, ${ROW[2]}, ${ROW[2]}, DE1`,
        `SELECT * FROM "CORE"."BOOKINGS" WHERE "UPDATED" >= TO_TIMESTAMP(:1, 'YYYY-MM-DD HH24:MI:SS.FF') ORDER BY "UPDATED", "ACCOUNT" FETCH FIRST 1 ROWS ONLY <- 2026-01-01 00:00:00.123`,
      ]),
    );
    // A transaction that reads only is a picture of one moment: the next statement needs another.
    const begins = asked.texts.filter((text) => text === 'SET TRANSACTION READ ONLY');
    expect(begins).toHaveLength(sent.length + 1);
  });

  test('says in words what it refuses', async () => {
    const driver = {
      STRING: 1,
      BUFFER: 2,
      OUT_FORMAT_ARRAY: 3,
      async getConnection(): Promise<never> {
        throw Object.assign(new Error('ORA-01017: invalid username/password; logon denied'), { errorNum: 1017 });
      },
    };
    const database = new OracleDatabase({ ...OPTIONS, url: 'oracle://reader:secret@host/bank' }, () => driver);
    await expect(database.tables(new AbortController().signal)).rejects.toMatchObject({ code: 'database_refuses' });
  });
});

describe.each([
  [
    'db2',
    [
      'SELECT * FROM "CORE"."BOOKINGS" FETCH FIRST 1 ROWS ONLY',
      'SELECT q."ACCOUNT", VARCHAR(q."AMOUNT") AS "AMOUNT", q."UPDATED" FROM "CORE"."BOOKINGS" q ORDER BY q."UPDATED", q."ACCOUNT" FETCH FIRST 1 ROWS ONLY',
      `SELECT q."ACCOUNT", VARCHAR(q."AMOUNT") AS "AMOUNT", q."UPDATED" FROM "CORE"."BOOKINGS" q WHERE q."UPDATED" >= CAST(? AS TIMESTAMP) AND (q."UPDATED" > CAST(? AS TIMESTAMP) OR (q."UPDATED" = CAST(? AS TIMESTAMP) AND q."ACCOUNT" > CAST(? AS VARCHAR(4000)))) ORDER BY q."UPDATED", q."ACCOUNT" FETCH FIRST 1 ROWS ONLY <- ${ROW[2]}, ${ROW[2]}, ${ROW[2]}, DE1`,
    ],
  ],
  [
    'sqlserver',
    [
      'SELECT TOP (0) * FROM [CORE].[BOOKINGS]',
      'SELECT TOP (1) q.[ACCOUNT], CAST(q.[AMOUNT] AS varchar(64)) AS [AMOUNT], q.[UPDATED] FROM [CORE].[BOOKINGS] q ORDER BY q.[UPDATED], q.[ACCOUNT]',
      `SELECT TOP (1) q.[ACCOUNT], CAST(q.[AMOUNT] AS varchar(64)) AS [AMOUNT], q.[UPDATED] FROM [CORE].[BOOKINGS] q WHERE q.[UPDATED] >= CAST(? AS datetime2(6)) AND (q.[UPDATED] > CAST(? AS datetime2(6)) OR (q.[UPDATED] = CAST(? AS datetime2(6)) AND q.[ACCOUNT] > ?)) ORDER BY q.[UPDATED], q.[ACCOUNT] <- ${ROW[2]}, ${ROW[2]}, ${ROW[2]}, DE1`,
    ],
  ],
])('what is sent to %s through ODBC', (dialect, expected) => {
  test('follows its grammar, and decimals come as text', async () => {
    const asked = new Asked();
    const columns = [
      { name: 'ACCOUNT', dataType: 12, dataTypeName: 'SQL_VARCHAR' },
      { name: 'AMOUNT', dataType: 3, dataTypeName: 'SQL_DECIMAL' },
      { name: 'UPDATED', dataType: 93, dataTypeName: 'SQL_TYPE_TIMESTAMP' },
    ];
    const row = Object.fromEntries(columns.map(({ name }, index) => [name, ROW[index]]));
    const connection = {
      query: async (text: string, values: readonly unknown[] = []) =>
        Object.assign(asked.note(text, values) ? [row] : [], { columns }),
      tables: async () => [],
      columns: async () =>
        columns.map(({ name, dataType }) => ({ COLUMN_NAME: name, DATA_TYPE: dataType, TYPE_NAME: 'X', NULLABLE: 0 })),
      primaryKeys: async () => [{ COLUMN_NAME: 'ACCOUNT', KEY_SEQ: 1 }],
      close: async () => {},
    };
    const url = `odbc://reader:secret@BANK?dialect=${dialect}`;
    await readBy(new OdbcDatabase({ ...OPTIONS, url }, () => ({ connect: async () => connection })));
    expect(asked.texts).toEqual(expect.arrayContaining([...expected]));
  });
});

test('a driver that is not installed is one sentence with the command that installs it', async () => {
  for (const [url, name] of [
    ['oracle://reader:tell-nobody@host/bank', 'oracledb'],
    ['odbc://reader:tell-nobody@BANK?dialect=db2', 'odbc'],
  ] as const) {
    const database = openDatabase({ ...OPTIONS, url });
    onTestFinished(() => database.close());
    const error: unknown = await database.tables(new AbortController().signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'FatalError', code: 'driver_missing' });
    expect(String(error)).toContain(`npm install ${name}`);
    expect(String(error)).not.toContain('tell-nobody');
  }
});

test('the URL of ODBC becomes a connection string, in which a password begins no other setting', () => {
  expect(
    readOdbcUrl('odbc://reader:a%3B%7Db@db.example.org:3306/bank?driver=MariaDB+Unicode&Option=3').connectionString,
  ).toBe('DRIVER={MariaDB Unicode};SERVER=db.example.org;PORT=3306;DATABASE=bank;UID=reader;PWD={a;}}b};Option=3');
  expect(readOdbcUrl('odbc://reader@BANK?dialect=db2').connectionString).toBe('DSN=BANK;UID=reader');
  expect(() => readOdbcUrl('odbc://reader@BANK')).toThrow(
    /such as \?dialect=db2: expected mysql, postgres, sqlserver or db2/,
  );
});

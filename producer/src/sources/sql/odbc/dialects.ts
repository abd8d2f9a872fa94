import type { Dialect, Sorting } from '../database.js';

/** How SQL is written for a kind of database behind ODBC, and what its sessions begin with. */
export interface OdbcDialect extends Dialect {
  readonly session: readonly string[];
}

const doubleQuoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Drivers send every value as text; compared with a number, some make doubles of both. */
const placedAs =
  (types: Partial<Record<Sorting, string>>): Dialect['placeholder'] =>
  (_index, sorting) => {
    const type = types[sorting];
    return type === undefined ? '?' : `CAST(? AS ${type})`;
  };

const fetchFirst = (select: string, rows: number): string => `${select} FETCH FIRST ${Math.max(1, rows)} ROWS ONLY`;

/** By the name in the URL: `odbc://…?dialect=db2`. */
export const ODBC_DIALECTS = {
  mysql: {
    quote: (name) => `\`${name.replaceAll('`', '``')}\``,
    placeholder: placedAs({ number: 'DECIMAL(65, 30)', wall: 'DATETIME(6)', instant: 'DATETIME(6)' }),
    bytewise: (expression) => `CAST(CONVERT(${expression} USING utf8mb4) AS BINARY)`,
    comparesLists: false,
    limited: (select, rows) => `${select} LIMIT ${rows}`,
    clock: 'SELECT FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000)',
    exact: (column) => `CAST(${column} AS CHAR)`,
    session: ['SET SESSION TRANSACTION READ ONLY', "SET time_zone = '+00:00'"],
  },
  postgres: {
    quote: doubleQuoted,
    placeholder: placedAs({ number: 'numeric', wall: 'timestamp', instant: 'timestamptz' }),
    bytewise: (expression) => `(${expression})::text COLLATE "C"`,
    comparesLists: true,
    limited: (select, rows) => `${select} LIMIT ${rows}`,
    clock: 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint',
    exact: (column) => `CAST(${column} AS text)`,
    session: ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', "SET TimeZone = 'UTC'", "SET DateStyle = 'ISO'"],
  },
  sqlserver: {
    quote: (name) => `[${name.replaceAll(']', ']]')}]`,
    placeholder: placedAs({ number: 'decimal(38, 10)', wall: 'datetime2(6)', instant: 'datetime2(6)' }),
    bytewise: (expression) => `CAST(${expression} AS nvarchar(4000)) COLLATE Latin1_General_100_BIN2`,
    comparesLists: false,
    limited: (select, rows) => select.replace(/^SELECT/, `SELECT TOP (${rows})`),
    clock: "SELECT DATEDIFF_BIG(millisecond, '1970-01-01', SYSUTCDATETIME())",
    exact: (column) => `CAST(${column} AS varchar(64))`,
    session: [],
  },
  db2: {
    quote: doubleQuoted,
    placeholder: placedAs({ number: 'DECIMAL(31, 6)', wall: 'TIMESTAMP', instant: 'TIMESTAMP', text: 'VARCHAR(4000)' }),
    // Text is compared by its bytes as it is, in a database whose collation is IDENTITY.
    bytewise: (expression) => expression,
    comparesLists: false,
    limited: fetchFirst,
    clock:
      "SELECT (CAST(DAYS(CURRENT TIMESTAMP - CURRENT TIMEZONE) - DAYS('1970-01-01') AS BIGINT) * 86400 + MIDNIGHT_SECONDS(CURRENT TIMESTAMP - CURRENT TIMEZONE)) * 1000 FROM SYSIBM.SYSDUMMY1",
    exact: (column) => `VARCHAR(${column})`,
    session: [],
  },
} as const satisfies Record<string, OdbcDialect>;

export type OdbcDialectName = keyof typeof ODBC_DIALECTS;

export const isOdbcDialect = (name: string): name is OdbcDialectName => Object.hasOwn(ODBC_DIALECTS, name);

import { decodeUserInfo, describeError, RetryableError, redactUrl } from '@tributary/shared';
import { type Connections, withConnection } from '../connections.js';
import type {
  Database,
  DatabaseOptions,
  Dialect,
  Placed,
  Rows,
  Sorting,
  Statement,
  TableDescription,
} from '../database.js';
import { partsOf } from '../database.js';
import { refused, timedOut, type Words } from '../faults.js';
import { driverOf } from '../optional.js';
import { ConnectionPool } from '../pool.js';
import { DESCRIBE, describeTables } from './tables.js';
import { columnOf, isAsText, type OracleColumn } from './types.js';

/** What is used of the package `oracledb`. */
export interface OracleDriver {
  readonly STRING: unknown;
  readonly BUFFER: unknown;
  readonly OUT_FORMAT_ARRAY: unknown;
  getConnection(options: {
    user: string;
    password: string;
    connectString: string;
    transportConnectTimeout: number;
  }): Promise<OracleConnection>;
}

interface OracleConnection {
  callTimeout: number;
  execute(
    text: string,
    values: readonly unknown[],
    options: object,
  ): Promise<{
    readonly metaData?: readonly OracleColumn[];
    readonly rows?: readonly (readonly (string | Buffer | null)[])[];
  }>;
  break(): Promise<void>;
  close(): Promise<void>;
}

/** What every session begins with: values are written in forms that hold all of them, and text is compared by its bytes. */
export const SESSION = [
  "ALTER SESSION SET TIME_ZONE = 'UTC' NLS_SORT = BINARY NLS_COMP = BINARY NLS_NUMERIC_CHARACTERS = '.,' NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6' NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM'",
] as const;

/** A transaction that only reads sees what was there when it began, so each statement has its own. */
export const READ_ONLY = ['COMMIT', 'SET TRANSACTION READ ONLY'] as const;

/** The driver sends every value as text. */
const PLACED: Partial<Readonly<Record<Sorting, (value: string) => string>>> = {
  number: (value) => `TO_NUMBER(${value})`,
  wall: (value) => `TO_TIMESTAMP(${value}, 'YYYY-MM-DD HH24:MI:SS.FF')`,
  instant: (value) => `TO_TIMESTAMP_TZ(${value}, 'YYYY-MM-DD HH24:MI:SS.FFTZH:TZM')`,
};

export const ORACLE_DIALECT: Dialect = {
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  placeholder: (index, sorting) => PLACED[sorting]?.(`:${index}`) ?? `:${index}`,
  // The session compares text by its bytes.
  bytewise: (expression) => expression,
  comparesLists: false,
  limited: (select, rows) => `${select} FETCH FIRST ${Math.max(1, rows)} ROWS ONLY`,
  clock: "SELECT FLOOR((CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE) - DATE '1970-01-01') * 86400) * 1000 FROM DUAL",
};

const FORBIDS: Words = { code: 'database_forbids', remedy: 'let the user of the URL read it: GRANT SELECT ON … TO …' };

/** What a person has to change, by the number of the error (Oracle Database Error Messages). */
const KNOWN: Readonly<Record<number, Words>> = {
  900: { code: 'query_refused', remedy: 'look at the query' },
  904: {
    code: 'column_unknown',
    remedy: 'look at columns, map and the fields of the entity; names without quotes are in capitals',
  },
  942: {
    code: 'table_unknown',
    remedy: 'look at the name (in capitals, where it was made without quotes) and at the rights of the user',
  },
  1017: { code: 'database_refuses', remedy: 'correct the user and the password in its URL' },
  1031: FORBIDS,
  1456: { code: 'query_writes', remedy: 'the query has to read only' },
  12514: {
    code: 'database_unknown',
    remedy: 'correct the name of the service in its URL: oracle://user@host:1521/SERVICE',
  },
  28000: { code: 'database_refuses', remedy: 'let an administrator unlock the account' },
  41900: FORBIDS,
};

/** Of a statement that took too long (callTimeout), in the words of the thin driver and of Oracle. */
const TIMED_OUT = /NJS-123|DPI-1067|ORA-03136/;
/** Lost connections, a database that starts or stops, deadlocks, a snapshot that is too old. */
const PASSING =
  /NJS-(0?03|500|501|503|510|511|521)|ORA-(00028|00060|01012|01033|01034|01089|01555|03113|03114|03135|12170|12537|12541|12547)\b/;

/** What the failure of a statement means, in words. @param timeout in milliseconds */
export function oracleFault(error: unknown, timeout: number): Error {
  if (error instanceof Error && (error instanceof RetryableError || error.name === 'FatalError')) return error;
  const said = describeError(error);
  if (TIMED_OUT.test(said)) return timedOut(timeout, error);
  const number = (error as { readonly errorNum?: number }).errorNum;
  if (PASSING.test(said) || number === undefined || number === 0)
    return new RetryableError('network', said, { cause: error });
  return refused(said, `ORA-${String(number).padStart(5, '0')}`, KNOWN[number]);
}

/** An Oracle, through the thin mode of its own driver. It was not run against an Oracle here: its statements are asserted. */
export class OracleDatabase implements Database {
  readonly dialect = ORACLE_DIALECT;
  readonly host: string;
  readonly name: string;
  readonly #url: URL;
  readonly #timeout: number;
  readonly #connectTimeout: number;
  readonly #driver: () => OracleDriver;
  readonly #pool: ConnectionPool<OracleConnection>;
  readonly #cancelled = new AbortController();
  readonly #connections: Connections<OracleConnection> = {
    open: () => this.#pool.take(),
    cancel: (connection) => void connection.break().catch(() => {}),
    release: (connection, isBroken) => this.#pool.give(connection, isBroken),
    faultOf: (error) => oracleFault(error, this.#timeout),
  };

  /** @param driver for tests */
  constructor(
    { url, timeout, connectTimeout, room }: DatabaseOptions,
    driver = () => driverOf('Oracle', 'oracledb') as OracleDriver,
  ) {
    this.#url = new URL(url);
    this.host = this.#url.host;
    this.name = redactUrl(url);
    this.#timeout = timeout;
    this.#connectTimeout = connectTimeout;
    this.#driver = driver;
    this.#pool = new ConnectionPool({ connect: () => this.#connect(), end: (connection) => connection.close() }, room);
  }

  async query({ text, values }: Statement, signal: AbortSignal): Promise<Rows> {
    const { STRING, BUFFER, OUT_FORMAT_ARRAY } = this.#driver();
    const options = {
      outFormat: OUT_FORMAT_ARRAY,
      fetchArraySize: 1_000,
      // A number of JavaScript, and a Date, hold less than a column of Oracle.
      fetchTypeHandler: ({ dbTypeName }: OracleColumn) => ({ type: isAsText(dbTypeName) ? STRING : BUFFER }),
    };
    return await this.#use(signal, async (connection) => {
      const given = values.map(inStatement);
      const { metaData = [], rows = [] } = await connection.execute(text, given, options);
      return { columns: metaData.map(columnOf), rows };
    });
  }

  async table(name: string, signal: AbortSignal): Promise<TableDescription | undefined> {
    const [table = '', schema] = partsOf(name).toReversed();
    const owner = schema === undefined ? "SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')" : ':2';
    const values = schema === undefined ? [table] : [table, schema];
    const condition = `c.TABLE_NAME = :1 AND c.OWNER = ${owner}`;
    return (await this.#tables(condition, values, signal))[0];
  }

  async tables(signal: AbortSignal): Promise<readonly TableDescription[]> {
    return await this.#tables("c.OWNER = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')", [], signal);
  }

  async close(): Promise<void> {
    this.#cancelled.abort(new RetryableError('stopping', 'the connections are being closed'));
    await this.#pool.close();
  }

  async #tables(condition: string, values: readonly string[], signal: AbortSignal): Promise<TableDescription[]> {
    const placed = values.map((value) => ({ value, sorting: 'text' as const }));
    const { rows } = await this.query({ text: DESCRIBE.replace('%s', condition), values: placed }, signal);
    return describeTables(rows);
  }

  async #use<T>(signal: AbortSignal, work: (connection: OracleConnection) => Promise<T>): Promise<T> {
    return await withConnection(this.#connections, [signal, this.#cancelled.signal], async (connection) => {
      for (const text of READ_ONLY) await connection.execute(text, [], {});
      return await work(connection);
    });
  }

  async #connect(): Promise<OracleConnection> {
    const { hostname, port, username, password, pathname } = this.#url;
    const connection = await this.#driver().getConnection({
      user: decodeUserInfo(username),
      password: decodeUserInfo(password),
      connectString: `${hostname}:${port || '1521'}${pathname}`,
      transportConnectTimeout: Math.max(1, Math.ceil(this.#connectTimeout / 1_000)),
    });
    connection.callTimeout = this.#timeout;
    for (const text of SESSION) await connection.execute(text, [], {});
    return connection;
  }
}

/** A moment of a mark has no zone written: it is in UTC. */
function inStatement({ value, sorting }: Placed): unknown {
  if (typeof value === 'bigint') return String(value);
  return sorting === 'instant' && typeof value === 'string' && !/[+-]\d\d:\d\d$/.test(value) ? `${value}+00:00` : value;
}

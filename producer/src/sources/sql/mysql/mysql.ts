import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { decodeUserInfo, RetryableError, redactUrl } from '@tributary/shared';
import mysql, { type Connection, type FieldPacket, type RowDataPacket, type TypeCastField } from 'mysql2';
import { MOST_BYTES, withinBytes } from '../answer-bound.js';
import { type Connections, withConnection } from '../connections.js';
import type {
  Database,
  DatabaseOptions,
  Dialect,
  Placed,
  Rows,
  Statement,
  TableDescription,
  Value,
} from '../database.js';
import { GRACE, partsOf } from '../database.js';
import { ConnectionPool } from '../pool.js';
import { faultOf } from './errors.js';
import { OPEN_TRANSACTIONS } from './open-transactions.js';
import { DESCRIBE, describeTables } from './tables.js';
import { columnOf, isOfBytes, isText } from './types.js';

/**
 * Where a value stands. The driver puts values in the place of every `?`, also of one within the quotes of a query, so this file does it: with
 * the driver's own escapes.
 */
const PLACE = '/*?*/';

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

export const DIALECT: Dialect = {
  quote,
  placeholder: () => PLACE,
  // In one character set: a statement is sent in utf8mb4, and the column may be in another.
  bytewise: (expression) => `CAST(CONVERT(${expression} USING utf8mb4) AS BINARY)`,
  comparesLists: false,
  limited: (select, rows) => `${select} LIMIT ${rows}`,
  clock: 'SELECT FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000)',
  openTransactions: OPEN_TRANSACTIONS,
  // That nothing else writes is told to all; what replicates, to those alone who have a right to it. MariaDB has several connections to primaries,
  // MySQL before 8.0.22 knows none of the new words, and MySQL since 8.4 none of the old ones.
  replica: [
    { text: 'SELECT @@global.read_only', words: 'set to read_only, as replicas are' },
    ...['SHOW REPLICA STATUS', 'SHOW ALL SLAVES STATUS', 'SHOW SLAVE STATUS'].map((text) => ({
      text,
      words: 'a replica (SHOW REPLICA STATUS)',
    })),
  ],
};

/**
 * What every session begins with. It reads only, and its times are in UTC. MariaDB and MySQL each read the comment that is theirs, with
 * the time-out of statements: in seconds and in milliseconds.
 */
const sessionOf = (timeout: number): readonly string[] => [
  'SET SESSION TRANSACTION READ ONLY',
  // A quote within a value is escaped by a backslash: in this mode the text would end there.
  "SET sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
  `SET time_zone = '+00:00' /*M!100101 , max_statement_time = ${timeout / 1_000} */ /*!50708 , max_execution_time = ${timeout} */`,
];

/** Every value comes as the text that the database writes, or as its bytes. */
function castToText(field: TypeCastField): Value {
  return isOfBytes(field.type) ? field.buffer() : field.string('utf8');
}

/** A MySQL or MariaDB, read by several endpoints over one pool of connections. */
export class MysqlDatabase implements Database {
  readonly dialect = DIALECT;
  readonly host: string;
  readonly name: string;
  readonly #timeout: number;
  /** How long it waits for an answer, in milliseconds. */
  readonly #patience: number;
  readonly #mostBytes: number;
  readonly #pool: ConnectionPool<Connection>;
  readonly #cancelled = new AbortController();
  readonly #connections: Connections<Connection> = {
    open: () => this.#pool.take(),
    // The server notices when it sends the rows, and the time-out of statements bounds what it does until then.
    cancel: (connection) => connection.destroy(),
    release: (connection, isBroken) => this.#pool.give(connection, isBroken),
    faultOf: (error) => faultOf(error, this.#timeout),
  };
  #closed: Promise<void> | undefined;

  constructor({ url, timeout, connectTimeout, room, grace = GRACE, mostBytes = MOST_BYTES }: DatabaseOptions) {
    this.host = new URL(url).host;
    this.name = redactUrl(url);
    this.#timeout = timeout;
    this.#mostBytes = mostBytes;
    this.#patience = timeout + grace;
    const connect = async (onLost: (connection: Connection) => void) => {
      const connection = mysql.createConnection({
        ...optionsOf(url),
        connectTimeout,
        enableKeepAlive: true,
        charset: 'utf8mb4',
        supportBigNumbers: true,
        bigNumberStrings: true,
        dateStrings: true,
        multipleStatements: false,
      });
      // One that breaks while it is idle is replaced by the next statement, which tells if that fails.
      connection.on('error', () => onLost(connection));
      connection.on('end', () => onLost(connection));
      try {
        for (const text of sessionOf(timeout)) await rowsOf(connection, { text, values: [] }, this.#patience);
        return connection;
      } catch (error) {
        connection.destroy();
        throw error;
      }
    };
    this.#pool = new ConnectionPool({ connect, end: endOf }, room);
    setMaxListeners(0, this.#cancelled.signal);
  }

  async query(statement: Statement, signal: AbortSignal): Promise<Rows> {
    const { rows, fields } = await this.#ask(statement, signal);
    const texts = fields.flatMap((field, index) => (isText(field) ? [index] : []));
    for (const row of rows) {
      for (const index of texts) row[index] = row[index]?.toString() ?? null;
    }
    return { columns: fields.map(columnOf), rows };
  }

  async table(name: string, signal: AbortSignal): Promise<TableDescription | undefined> {
    const parts = partsOf(name);
    const schema = parts.length > 1 ? PLACE : 'DATABASE()';
    const text = DESCRIBE.replace('%s', `t.TABLE_SCHEMA = ${schema} AND t.TABLE_NAME = ${PLACE}`);
    const values = parts.map((value): Placed => ({ value, sorting: 'text' }));
    const { rows } = await this.#ask({ text, values }, signal);
    return describeTables(rows)[0];
  }

  async tables(signal: AbortSignal): Promise<readonly TableDescription[]> {
    const { rows } = await this.#ask(
      { text: DESCRIBE.replace('%s', 't.TABLE_SCHEMA = DATABASE()'), values: [] },
      signal,
    );
    return describeTables(rows);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#cancelled.abort(new RetryableError('stopping', 'the connections are being closed'));
    await this.#pool.close();
  }

  #ask(statement: Statement, signal: AbortSignal): Promise<{ rows: Value[][]; fields: FieldPacket[] }> {
    return withConnection(this.#connections, [signal, this.#cancelled.signal], (connection) =>
      withinBytes(streamOf(connection), this.#mostBytes, () => rowsOf(connection, statement, this.#patience)),
    );
  }
}

/** Resolves when the server has closed its side: it counts the connection until then. */
const endOf = (connection: Connection): Promise<void> =>
  new Promise((resolve) => {
    connection.once('end', resolve);
    connection.once('error', () => resolve());
    connection.destroy();
  });

/** The driver has it, and its types do not. */
const streamOf = (connection: Connection) => (connection as Connection & { readonly stream: Socket }).stream;

/** @param timeout how long it waits for the answer, in milliseconds */
const rowsOf = (connection: Connection, { text, values }: Statement, timeout: number) =>
  new Promise<{ rows: Value[][]; fields: FieldPacket[] }>((resolve, reject) => {
    const [first = '', ...parts] = text.split(PLACE);
    const sql = parts.reduce((filled, part, index) => `${filled}${written(values[index])}${part}`, first);
    const options = { sql, rowsAsArray: true, typeCast: castToText, timeout };
    connection.query<RowDataPacket[][]>(options, (error, rows, fields) => {
      if (error === null) resolve({ rows: rows as Value[][], fields });
      else reject(error);
    });
  });

/** A number is written as its digits: compared with a text, MySQL would make doubles of both. */
function written(placed: Placed | undefined): string {
  if (placed === undefined) throw new Error('a statement has more places than values');
  const { value, sorting } = placed;
  const isNumber = sorting === 'number' && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value);
  return isNumber ? value : mysql.escape(value);
}

/** The driver knows URLs that begin with mysql:// only. Parameters of it that concern types or several statements are not taken over. */
function optionsOf(text: string) {
  const { hostname, port, username, password, pathname, searchParams } = new URL(text);
  const isTls = ['require', 'required', 'verify-ca', 'verify-full', 'true'].includes(
    (searchParams.get('ssl-mode') ?? searchParams.get('sslmode') ?? searchParams.get('ssl') ?? '').toLowerCase(),
  );
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 3306 : Number(port),
    user: decodeUserInfo(username),
    password: decodeUserInfo(password),
    database: decodeUserInfo(pathname.slice(1)),
    ...(isTls ? { ssl: {} } : {}),
  };
}

import { type Connection, createConnection } from 'mysql2/promise';
import { startPrivateMariadb } from '../../../../services/mariadb.js';
import { type CrmRecord, KEYS } from '../follow.js';
import type { CollectionName } from '../mirror.js';
import type { MirrorDatabase } from './database.js';

const text = (length: number) => `varchar(${length})`;

const COLUMNS: Readonly<Record<CollectionName, Readonly<Record<string, string>>>> = {
  customers: {
    id: `${text(40)} PRIMARY KEY`,
    name: `${text(200)} NOT NULL`,
    email: `${text(200)} NOT NULL`,
    phone: text(40),
    company: text(200),
    city: text(100),
    country: text(100),
    segment: text(20),
    lines: 'json NOT NULL',
    archived: 'tinyint(1)',
    updatedAt: 'datetime(3) NOT NULL',
  },
  products: {
    sku: `${text(40)} PRIMARY KEY`,
    name: `${text(200)} NOT NULL`,
    category: text(100),
    price: 'decimal(12, 2) NOT NULL',
    currency: 'char(3) NOT NULL',
    stock: 'int NOT NULL',
    reorderLevel: 'int',
    warehouse: text(100),
    updatedAt: 'datetime(3) NOT NULL',
  },
};

export const mariadbMirror: MirrorDatabase = {
  start: startPrivateMariadb,
  makeTables: (url) =>
    withConnection(url, async (connection) => {
      for (const [name, columns] of Object.entries(COLUMNS)) {
        const key = KEYS[name as CollectionName];
        const written = Object.entries(columns).map(([column, type]) => `\`${column}\` ${type}`);
        await connection.query(
          `CREATE TABLE ${name} (${written.join(', ')}, KEY (updatedAt, ${key})) ENGINE = InnoDB CHARACTER SET utf8mb4`,
        );
      }
    }),
  write: (url, { collection, records, gone }) =>
    withConnection(url, async (connection) => {
      const names = Object.keys(COLUMNS[collection]);
      const columns = names.map((name) => `\`${name}\``).join(', ');
      await connection.beginTransaction();
      if (records.length > 0) {
        const rows = records.map((record) => names.map((name) => cellOf(record, name)));
        await connection.query(`REPLACE INTO ${collection} (${columns}) VALUES ?`, [rows]);
      }
      if (gone.length > 0) await connection.query(`DELETE FROM ${collection} WHERE ${KEYS[collection]} IN (?)`, [gone]);
      await connection.commit();
    }),
};

function cellOf(record: CrmRecord, name: string): unknown {
  const value = record[name] ?? null;
  if (name === 'updatedAt') return record.updatedAt.slice(0, -1).replace('T', ' ');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

/** A connection for one transaction: the server may be killed at any moment, and what was not committed is written again. */
async function withConnection<T>(url: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000, timezone: 'Z', charset: 'utf8mb4' });
  connection.on('error', () => {});
  try {
    await connection.query('SET SESSION max_statement_time = 30');
    return await use(connection);
  } finally {
    connection.destroy();
  }
}

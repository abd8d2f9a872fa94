import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { FatalError, RetryableError } from '@tributary/shared';
import { afterEach, expect, test } from 'vitest';
import type { Database } from '../../../src/sources/sql/database.js';
import { openDatabase } from '../../../src/sources/sql/databases.js';

const close: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of close.splice(0).reverse()) await one();
});

/** A database that lets everybody in, and answers nothing but the statements that set what a session needs. */
interface Silent {
  readonly scheme: string;
  /** What it says before it is asked. */
  readonly greeting?: Buffer;
  /** The answer to the first message. */
  readonly welcome: Buffer;
  isSetting(message: string): boolean;
  readonly taken: Buffer;
  readonly refused: Buffer;
}

/** A message of Postgres (manual, "Frontend/Backend Protocol"). */
function ofPostgres(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const ready = ofPostgres('Z', Buffer.from('I'));
const postgres: Silent = {
  scheme: 'postgres',
  welcome: Buffer.concat([ofPostgres('R', Buffer.alloc(4)), ready]),
  isSetting: (message) => message.startsWith('Q') && message.includes('SET '),
  taken: Buffer.concat([ofPostgres('C', Buffer.from('SET\0')), ready]),
  refused: Buffer.concat([
    ofPostgres('E', Buffer.from('SERROR\0VERROR\0C42704\0Mthere is no such setting\0\0')),
    ready,
  ]),
};

/** A packet of MySQL (internals manual, "Client/Server Protocol"). */
function ofMysql(number: number, ...parts: readonly (string | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = number;
  return Buffer.concat([head, body]);
}

const OK = [0, 0, 0, 2, 0, 0, 0];
const mysql: Silent = {
  scheme: 'mysql',
  // With the protocol 4.1, passwords by a plugin, and the name of the database.
  greeting: ofMysql(
    0,
    '\n8.0.0\0',
    [1, 0, 0, 0],
    '12345678\0',
    [0x08, 0x82, 45, 2, 0, 0x08, 0, 21],
    Array(10).fill(0),
    '123456789012\0mysql_native_password\0',
  ),
  welcome: ofMysql(2, OK),
  isSetting: (message) => message.slice(5).startsWith('SET '),
  taken: ofMysql(1, OK),
  refused: ofMysql(1, [0xff, 0xa9, 0x04], '#HY000there is no such setting'),
};

async function serve({ scheme, greeting, welcome, isSetting, taken, refused }: Silent, isTaken: boolean) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    if (greeting !== undefined) socket.write(greeting);
    socket.once('data', () => {
      socket.write(welcome);
      socket.on('data', (data) => {
        if (isSetting(data.toString('latin1'))) socket.write(isTaken ? taken : refused);
      });
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  close.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `${scheme}://reader@127.0.0.1:${(server.address() as AddressInfo).port}/shop`;
}

function open(url: string, grace?: number): Database {
  const options = { url, timeout: 100, connectTimeout: 20_000 };
  const database = openDatabase(grace === undefined ? options : { ...options, grace });
  close.push(() => database.close());
  return database;
}

const ask = (database: Database): Promise<unknown> =>
  database.query({ text: 'SELECT 1', values: [] }, new AbortController().signal).catch((error: unknown) => error);

test.each([postgres, mysql])('a statement that $scheme does not answer is given up for now', async (silent) => {
  expect(await ask(open(await serve(silent, true), 100))).toBeInstanceOf(RetryableError);
});

test.each([postgres, mysql])('nothing is read where $scheme refuses what a session needs', async (silent) => {
  const database = open(await serve(silent, false));
  for (let attempt = 0; attempt < 2; attempt++) {
    const error = await ask(database);
    expect(error).toBeInstanceOf(FatalError);
    expect(String(error)).toContain('there is no such setting');
  }
});

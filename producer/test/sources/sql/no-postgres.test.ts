import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { RetryableError } from '@tributary/shared';
import { afterEach, describe, expect, test } from 'vitest';
import { Session } from '../../../src/sources/postgres-changes/session.js';
import { openDatabase } from '../../../src/sources/sql/databases.js';

const close: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of close.splice(0).reverse()) await one();
});

function message(type: string, ...body: readonly number[]): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

const LET_IN = Buffer.concat([message('R', 0, 0, 0, 0), message('Z', 73)]);
/** Longer than a Postgres may be before it has let us in, and longer than the memory. */
const ENDLESS = Buffer.from([0x53, 0x4e, 0x4e, 0x4e, 0x4e, ...Buffer.alloc(2_000, 0x4e)]);

const ODD: readonly (readonly [string, readonly Buffer[]])[] = [
  ['a way to sign in that there is not', [message('R', 0, 0, 0, 99)]],
  ['a request to sign in that ends too early', [message('R')]],
  ['columns without their number', [message('T')]],
  ['values without the values', [message('D', 0x7f, 0xff)]],
  ['a message that is shorter than its length', [Buffer.from([0x54, 0, 0, 0, 0])]],
  ['a message of a gigabyte before it has let us in', [ENDLESS]],
  ['a message that is shorter than its length, once it has let us in', [LET_IN, Buffer.from([0x54, 0, 0, 0, 3])]],
  ['another way to sign in, once it has let us in', [LET_IN, message('R', 0, 0, 0, 99)]],
  ['a page of HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
];

/** Says one after the other, each time that it is asked, in pieces of one byte. */
async function serve(said: readonly Buffer[]): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const left = [...said];
    socket.on('data', () => {
      const next = left.shift() ?? Buffer.alloc(0);
      const bytes =
        next.length > 100 ? [next.subarray(0, 3), next.subarray(3)] : [...next].map((one) => Buffer.of(one));
      for (const piece of bytes) socket.write(piece);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  close.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `postgres://reader:geheim@127.0.0.1:${(server.address() as AddressInfo).port}/shop`;
}

// What nobody can catch fails the run of the tests.
describe('what answers as no Postgres does fails what asks it, and ends no process:', () => {
  test.each(ODD)('%s, where a table is read', async (_name, said) => {
    const database = openDatabase({ url: await serve(said), timeout: 20_000, connectTimeout: 20_000 });
    close.push(() => database.close());
    const asking = database.query({ text: 'SELECT 1', values: [] }, new AbortController().signal);
    const error: unknown = await asking.catch((fault: unknown) => fault);
    expect(error).toBeInstanceOf(RetryableError);
    expect(String(error)).toContain('does not speak as a Postgres does');
    expect(String(error)).not.toContain('geheim');
  });

  test.each(ODD)('%s, where changes are followed', async (_name, said) => {
    const opening = Session.open({
      url: await serve(said),
      timeout: 20_000,
      connectTimeout: 20_000,
      isReplication: true,
    });
    await expect(opening).rejects.toThrow('does not speak as a Postgres does');
  });
});

import { expect, test } from 'vitest';
import { ConnectionPool, Room } from '../../../src/sources/sql/pool.js';

interface Connection {
  readonly name: string;
  lose(): void;
}

/** A server that lets go of connections when it is told to. */
function serverOf(room: Room) {
  const open = new Set<Connection>();
  const letGo: (() => void)[] = [];
  const poolOf = (name: string) =>
    new ConnectionPool<Connection>(
      {
        async connect(onLost) {
          const connection: Connection = {
            name,
            lose() {
              open.delete(connection);
              onLost(connection);
            },
          };
          open.add(connection);
          return connection;
        },
        end: (connection) =>
          new Promise<void>((resolve) => {
            letGo.push(() => {
              open.delete(connection);
              resolve();
            });
          }),
      },
      room,
    );
  return { open, letGo, poolOf };
}

test('a connection is used again, the last one first', async () => {
  const { open, poolOf } = serverOf(new Room(2));
  const pool = poolOf('a');
  const [first, second] = await Promise.all([pool.take(), pool.take()]);
  pool.give(first, false);
  pool.give(second, false);
  expect(await pool.take()).toBe(second);
  expect(await pool.take()).toBe(first);
  expect(open.size).toBe(2);
});

test('a connection of another database that does nothing gives its place, and the server has let go of it before', async () => {
  const { open, letGo, poolOf } = serverOf(new Room(2));
  const [one, other] = [poolOf('one'), poolOf('other')];
  const used = await one.take();
  one.give(await one.take(), false);
  const taken = other.take();
  expect(letGo).toHaveLength(1);
  expect(open.size).toBe(2);
  letGo.shift()?.();
  expect((await taken).name).toBe('other');
  expect(open.size).toBe(2);
  one.give(used, false);
  expect(await one.take()).toBe(used);
});

test('two that wait for places have one each', async () => {
  const { open, letGo, poolOf } = serverOf(new Room(2));
  const [one, other] = [poolOf('one'), poolOf('other')];
  const idle = [await one.take(), await one.take()];
  for (const connection of idle) one.give(connection, false);
  let most = 0;
  const taken = Promise.all(
    [other.take(), other.take()].map((take) =>
      take.then(() => {
        most = Math.max(most, open.size);
      }),
    ),
  );
  for (let round = 0; round < 2; round++) {
    await expect.poll(() => letGo.length).toBeGreaterThan(0);
    letGo.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, open.size);
  }
  await taken;
  expect(most).toBe(2);
});

test('where all connections work, one more is made at once: a statement is to be cancelled', async () => {
  const { open, poolOf } = serverOf(new Room(1));
  const pool = poolOf('a');
  await pool.take();
  await pool.take();
  expect(open.size).toBe(2);
});

test('a connection that broke is not used again, and its place is free at once', async () => {
  const { open, poolOf } = serverOf(new Room(1));
  const [one, other] = [poolOf('one'), poolOf('other')];
  const first = await one.take();
  one.give(first, false);
  first.lose();
  expect(await other.take()).not.toBe(first);
  expect(open.size).toBe(1);
});

test('connections that are given back after the end are ended', async () => {
  const { letGo, poolOf } = serverOf(new Room());
  const pool = poolOf('a');
  const [used, idle] = [await pool.take(), await pool.take()];
  pool.give(idle, false);
  const closed = pool.close();
  letGo.shift()?.();
  await closed;
  pool.give(used, false);
  expect(letGo).toHaveLength(1);
});

import { expect, onTestFinished, test, vi } from 'vitest';
import { checkpointAt, checkpointsOf, goneBack } from '../../../producer/src/sources/checkpoints.js';
import { parseLsn } from '../../../producer/src/sources/postgres-changes/lsn.js';
import { uniqueName } from '../../services/handle.js';
import { followerOf, sharedPostgres } from './followed.js';

const server = sharedPostgres();
const { run } = server;

const entities = {
  thing: { dataset: 'things', queue: 'things', key: 'id', fields: { id: 'integer', name: 'string?' } },
};

/** A table that is followed. */
async function followed(keep: string, more: object = {}) {
  const name = uniqueName('kept');
  await run(`CREATE TABLE ${name} (id int PRIMARY KEY, name text)`, `INSERT INTO ${name} VALUES (1, 'a'), (2, 'a')`);
  onTestFinished(async () => {
    await server.dropSlots(name);
    await run(`DROP TABLE ${name}`, `DROP PUBLICATION IF EXISTS ${name}`);
  });
  const endpoint = { url: server.url, table: name, slot: name, entity: 'thing', chunk: 10, keep, ...more };
  const follower = followerOf({ things: endpoint }, { entities });
  const { stores, endpoint: compiled } = follower;
  const place = async () => (await stores.cursors.peek(compiled)).place;
  const checkpoints = async () => checkpointsOf(await place());
  const confirmed = async () => {
    const [slot] = await run(
      `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE starts_with(slot_name, '${name}_')`,
    );
    return String(slot?.lsn);
  };
  const goBack = async (to: string) => {
    const found = checkpointAt(await checkpoints(), to);
    if (found === undefined) throw new Error(`no checkpoint ${to}`);
    await stores.cursors.goBack(compiled, (now) => goneBack(now, found));
  };
  return { name, place, checkpoints, confirmed, goBack, ...follower };
}

test('from a checkpoint on all changes come again, under the versions that they had', async () => {
  const { name, open, goBack, checkpoints, messages, landing, news } = await followed('1h');
  const first = open();
  await run(`UPDATE ${name} SET name = 'b' WHERE id = 1`);
  await first.run();
  await run(`UPDATE ${name} SET name = 'c' WHERE id = 1`);
  await first.run();
  await run(`UPDATE ${name} SET name = 'd' WHERE id = 1`, `DELETE FROM ${name} WHERE id = 2`);
  await first.run();
  first.stop();
  const [oldest] = await checkpoints();
  const told = () =>
    messages.map(({ envelope: { key, version } }) => ({ key, version, commit: version.split('-')[1] }));
  const from = parseLsn(oldest?.name ?? '')
    .toString(16)
    .padStart(16, '0');
  const since = told().filter(({ commit = '' }) => commit >= from);
  expect(since.length).toBeGreaterThanOrEqual(2);
  const before = messages.length;
  await goBack(oldest?.name ?? '');
  await open().run();
  expect(told().slice(before)).toEqual(since);
  expect(landing.rows('thing')).toEqual({ 1: { id: 1, name: 'd' } });
  expect(landing.history('thing', '2')).toEqual([{ id: 2, name: 'a' }, null]);
  expect(news.filter((one) => /copied again/.test(one))).toEqual([]);
});

test('what an output lost lands again from a checkpoint, without a copy', async () => {
  const { name, open, goBack, checkpoints, landing, messages } = await followed('1h');
  const producer = open();
  await producer.run();
  await run(`INSERT INTO ${name} VALUES (3, 'x')`);
  await producer.run();
  const [oldest] = await checkpoints();
  await run(`INSERT INTO ${name} SELECT n, 'y' FROM generate_series(4, 6) n`);
  await producer.run();
  landing.forget('thing', ['5']);
  await goBack(new Date(oldest?.at ?? 0).toISOString());
  const before = messages.length;
  await producer.run();
  expect(Object.keys(landing.rows('thing'))).toEqual(['1', '2', '3', '4', '5', '6']);
  expect(messages.slice(before).map(({ envelope }) => envelope.key)).not.toContain('1');
});

test('the slot stays behind at the oldest checkpoint that is wanted, and goes on when that is old enough', async () => {
  const { name, open, checkpoints, confirmed } = await followed('2s');
  const producer = open();
  await producer.run();
  await run(`INSERT INTO ${name} VALUES (3, 'x')`);
  await producer.run();
  const [oldest] = await checkpoints();
  expect(await confirmed()).not.toBe('null');
  await vi.waitFor(async () => {
    await run(`UPDATE ${name} SET name = name || '.' WHERE id = 3`);
    await producer.run();
    const kept = await checkpoints();
    expect(kept.length).toBeGreaterThan(1);
    expect(kept[0]?.name).not.toBe(oldest?.name);
  });
  const kept = await checkpoints();
  // A confirmation is on its way for a moment.
  await vi.waitFor(async () => expect(await confirmed()).toBe(kept[0]?.name));
});

test('without keep there are no checkpoints, and nothing is held back', async () => {
  const { name, open, checkpoints, place, confirmed } = await followed('0s');
  const producer = open();
  await run(`INSERT INTO ${name} VALUES (3, 'x')`);
  await producer.run();
  expect(await checkpoints()).toEqual([]);
  const reached = ((await place()) as { readonly lsn: string }).lsn;
  await vi.waitFor(async () => expect(await confirmed()).toBe(reached));
});

test('checkpoints are given up before the database keeps more than maxRetained', async () => {
  const { name, open, checkpoints, news } = await followed('1h', { maxRetained: '1KB' });
  const producer = open();
  await producer.run();
  await vi.waitFor(
    async () => {
      await run(
        `UPDATE ${name} SET name = repeat('long', 100) WHERE id = 1`,
        `UPDATE ${name} SET name = 'a' WHERE id = 1`,
      );
      // A run that lasts looks at the slot.
      await producer.run();
      expect(await checkpoints()).toHaveLength(1);
      expect(news.filter((one) => /checkpoints are given up/.test(one)).length).toBeLessThanOrEqual(1);
    },
    { timeout: 60_000 },
  );
});

test('a copy ends the checkpoints before it: what it brought is not in the log that they begin', async () => {
  const { name, open, checkpoints, messages } = await followed('1h');
  const first = open();
  await first.run();
  await run(`INSERT INTO ${name} VALUES (3, 'x')`);
  await first.run();
  first.stop();
  const [before] = await checkpoints();
  await run(`ALTER PUBLICATION ${name} DROP TABLE ${name}`, `INSERT INTO ${name} VALUES (4, 'left out')`);
  await open().run();
  expect(messages.map(({ envelope: { key } }) => key)).toContain('4');
  expect((await checkpoints()).map((one) => one.name)).not.toContain(before?.name);
});

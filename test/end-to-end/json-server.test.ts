import { beforeAll, describe, expect, inject, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { freePort } from '../services/ports.js';
import { cellOf, hashOf, withoutNothing } from './support/content.js';
import { eventually } from './support/eventually.js';
import { repeatsIn } from './support/landed.js';
import { runOnce } from './support/once.js';
import { historyOf, readRows } from './support/output.js';
import { removeAtEnd } from './support/servers.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };

/** An API that nobody here wrote: json-server, with the paging that it has, on records of its own. */
const post = (id: number) => ({
  id,
  title: id % 7 === 0 ? `=SUM(A1:A${id})` : `Post ${id}, "quoted"`,
  views: (id * 37) % 1_000,
  rating: id / 8,
  published: id % 3 === 0,
  author: id % 5 === 0 ? null : { name: `Åsa ${id % 11}`, since: '2024-02-29' },
  day: `2024-0${1 + (id % 9)}-15`,
});
const user = (id: number) => ({
  id: `u/${id}`,
  name: id % 4 === 0 ? '' : `User ${id}`,
  roles: ['a', 'b'].slice(id % 3),
});
const POSTS = 230;
const USERS = 120;
const times = <T>(count: number, make: (id: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1));

const pagings = {
  link: (size: number) => `paging: { type: link, sizeParameter: _limit, size: ${size} }\n    query: { _page: 1 }`,
  page: (size: number) => `paging: { type: page, parameter: _page, sizeParameter: _limit, size: ${size} }`,
};

describe.each(['link', 'page'] as const)('json-server, polled with paging of type %s', (paging) => {
  const name = uniqueName('e2e');
  const queues = [`${name}.posts`, `${name}.users`];
  const output = stage.path(paging);
  let url: string;
  let file: string;

  const run = async () => {
    const { code, summary, stderr } = await runOnce(stage, ['--output', output, '--config', file], {
      AMQP_URL: servers.amqpUrl,
      REDIS_URL: servers.redisUrl,
    });
    expect(code, stderr).toBe(0);
    return summary;
  };

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const records = stage.write(
      `${paging}.json`,
      JSON.stringify({ posts: times(POSTS, post), users: times(USERS, user) }),
    );
    const server = stage.start('json-server', {
      args: ['--quiet', '--host', '127.0.0.1', '--port', String(port), '--snapshots', stage.folder, records],
    });
    await server.orEnd(eventually(async () => expect((await fetch(`${url}/posts/1`)).status).toBe(200)));
    removeAtEnd(stage, servers, name, queues);
    file = stage.write(
      `${name}.yaml`,
      `name: ${name}
entities:
  post:
    dataset: posts
    queue: ${queues[0]}
    key: id
    fields: { id: integer, title: string, views: integer, rating: number, published: boolean, author: json?, day: date }
  user:
    dataset: users
    queue: ${queues[1]}
    key: id
    fields: { id: string, name: string?, roles: json }
endpoints:
  posts:
    url: ${url}/posts
    entity: post
    ${pagings[paging](50)}
  users:
    url: ${url}/users
    entity: user
    ${pagings[paging](50)}
`,
    );
  });

  test('lands every record once, whatever the size of the last page', async () => {
    const summary = await run();
    expect(summary).toMatchObject({ polled: POSTS + USERS, accepted: POSTS + USERS, duplicate: 0, deadLettered: 0 });
    expect(summary.rows).toEqual({ posts: POSTS, users: USERS });

    for (const [dataset, entity, records] of [
      ['posts', 'post', times(POSTS, post)],
      ['users', 'user', times(USERS, user)],
    ] as const) {
      const rows = await readRows(output, dataset);
      const found = rows.map(({ key, hash, cells }) => ({ key, hash, cells })).toSorted(byKey);
      const expected = records.map((record) => {
        const values = withoutNothing(record);
        const key = String(record.id);
        const cells = Object.fromEntries(Object.keys(record).map((column) => [column, cellOf(values[column])]));
        return { key, hash: hashOf(entity, key, values), cells };
      });
      expect(found).toEqual(expected.toSorted(byKey));
    }
  });

  test('adds nothing while nothing changes', async () => {
    expect(await run()).toMatchObject({ accepted: 0, rows: { posts: 0, users: 0 } });
  });

  test('adds one row for one record that changed, and one more when it changes back', async () => {
    for (const title of ['Renamed', post(120).title]) {
      await change('/posts/120', { title });
      expect(await run()).toMatchObject({ accepted: 1, rows: { posts: 1, users: 0 } });
    }
    const rows = await readRows(output, 'posts');
    expect(
      historyOf(rows)
        .get('120')
        ?.map(({ cells }) => cells.title),
    ).toEqual([post(120).title, 'Renamed', post(120).title]);
    expect(repeatsIn(rows)).toEqual([]);
  });

  test('adds a row for a record that is new, on a page that is new', async () => {
    for (const id of [231, 232]) await change('/posts', post(id), 'POST');
    expect(await run()).toMatchObject({ accepted: 2, rows: { posts: 2, users: 0 } });
  });

  async function change(path: string, body: object, method = 'PATCH'): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
    expect(response.ok).toBe(true);
  }
});

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number => (a.key < b.key ? -1 : 1);

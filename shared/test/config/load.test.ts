import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, loadPipeline, parsePipeline } from '@tributary/shared';
import { afterEach, expect, test } from 'vitest';
import { restOf } from './rest-endpoint.js';

const OWN = fileURLToPath(new URL('../../../pipeline.yaml', import.meta.url));

const GOOD = `
entities:
  post:
    dataset: posts
    queue: posts_data
    key: id
    version: updatedAt
    fields: { id: integer, title: string, author: string?, updatedAt: datetime }
endpoints:
  blog:
    url: http://127.0.0.1:1/posts
    entity: post
`;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** The faults of a pipeline, a line each; empty if it has none. */
function faults(text: string, env: Record<string, string | undefined> = {}): string[] {
  try {
    parsePipeline(text, env, 'test.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

test("the project's own pipeline is valid, and polls every 60 s in batches of 10 or 30 s", () => {
  const config = loadPipeline(OWN, {});
  expect(Object.keys(config.endpoints)).toEqual(['crm-customers', 'crm-products']);
  expect(config.endpoints['crm-customers']?.schedule).toEqual({ every: 60_000 });
  expect(config.batch).toEqual({ size: 10, interval: 30_000 });
  expect(config.sink.type).toBe('csv');
});

test('what is not said has a default', () => {
  const config = parsePipeline(GOOD, {}, 'test.yaml');
  expect(config).toMatchObject({
    name: 'tributary',
    endpoints: {
      blog: {
        enabled: true,
        schedule: { every: 60_000 },
        items: '$',
        paging: { type: 'none' },
        retries: 3,
        retryDelay: 2_000,
      },
    },
    sink: { type: 'csv', csv: { directory: './output', neutraliseFormulas: true, maxPartSize: 64 * 1024 * 1024 } },
  });
});

test('every fault is told at once, with its path, its value and what is expected', () => {
  const text = GOOD.replace('version: updatedAt', 'version: changedAt')
    .replace('title: string', 'title: text')
    .replace('http://127.0.0.1:1/posts', 'ftp://127.0.0.1/posts')
    .replace('entity: post', 'entity: post\n    retries: many\n    tiemout: 5s');
  const found = faults(text);
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^entities\.post\.fields\.title: "text" is not valid: expected one of string, integer/),
      expect.stringMatching(/^endpoints\.blog\.url: "ftp:.*expected an http or https URL/),
      expect.stringMatching(/^endpoints\.blog\.retries: "many" is not valid/),
      expect.stringMatching(/^endpoints\.blog: unknown setting tiemout/),
    ]),
  );
});

test('names that lead nowhere are told with those there are', () => {
  expect(faults(GOOD.replace('entity: post', 'entity: pots'))).toEqual([
    'endpoints.blog.entity: no entity "pots": expected one of post',
  ]);
  expect(faults(GOOD.replace('key: id', 'key: uid'))).toEqual([
    'entities.post.key: no field "uid": expected one of id, title, author, updatedAt',
  ]);
});

test('a cron expression or a time zone that is none is told here, not when the producer starts', () => {
  const scheduled = (schedule: string) => `${GOOD}    schedule: ${schedule}\n`;
  expect(faults(scheduled('{ cron: "61 * * * *" }'))).toEqual([
    expect.stringMatching(/^endpoints\.blog\.schedule\.cron: "61 \* \* \* \*" is not a cron expression/),
  ]);
  expect(faults(scheduled('{ cron: "0 6 * * *", timezone: Europe/Atlantis }'))).toEqual([
    'endpoints.blog.schedule.timezone: "Europe/Atlantis" is not a time zone, such as Europe/Rome',
  ]);
  expect(faults(scheduled('{ cron: "*/5 * * * * *", timezone: Europe/Rome }'))).toEqual([]);
  expect(faults(scheduled('{ once: true }'))).toEqual([]);
});

test('two entities may not share a queue or a dataset', () => {
  const text = GOOD.replace(
    'endpoints:',
    '  page: { dataset: posts, queue: posts_data, key: id, fields: { id: integer } }\nendpoints:',
  );
  expect(faults(text)).toEqual([
    'entities.page.dataset: "posts" is already used by entities.post',
    'entities.page.queue: "posts_data" is already used by entities.post',
  ]);
});

test('variables are filled in as values, so that no value can change the structure', () => {
  const text = GOOD.replace('author: string?', `author: '\${TYPE:-string?}'`).replace(
    'title: string',
    `title: "\${TITLE}"`,
  );
  expect(parsePipeline(text, { TITLE: 'string' }, 'test.yaml').entities.post?.fields).toMatchObject({
    title: { type: 'string', optional: false },
    author: { type: 'string', optional: true },
  });
  expect(faults(text, { TITLE: '{ type: string }' })).toEqual([
    expect.stringMatching(/^entities\.post\.fields\.title: "\{ type: string \}" is not valid: expected one of string/),
  ]);
  const unset = 'entities.post.fields.title: the environment variable TITLE is not set';
  expect(faults(text)).toEqual([unset]);
  expect(faults(text, { TITLE: '' })).toEqual([unset]);
});

test('numbers and truths from variables are numbers and truths', () => {
  const text = `${GOOD}    enabled: \${ON}\nbatch: { size: "\${SIZE}" }\n`;
  const config = parsePipeline(text, { ON: 'false', SIZE: '25' }, 'test.yaml');
  expect(config.batch.size).toBe(25);
  expect(config.endpoints.blog?.enabled).toBe(false);
});

test('a secret may lie in a file; one that cannot be read is told without its content', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-config-'));
  folders.push(folder);
  const secret = join(folder, 'token');
  writeFileSync(secret, 'top-secret\n');
  const withHeader = (path: string) => `${GOOD}    headers: { authorization: "Bearer \${file:${path}}" }\n`;
  const config = parsePipeline(withHeader(secret), {}, 'test.yaml');
  expect(restOf(config.endpoints.blog).headers).toEqual({ authorization: 'Bearer top-secret' });
  expect(faults(withHeader(`${secret}-gone`))).toEqual([
    expect.stringMatching(/^endpoints\.blog\.headers\.authorization: cannot read the secret file/),
  ]);
});

test('YAML that is none is told with its line', () => {
  expect(faults('entities:\n  post: [\n')).toEqual([expect.stringMatching(/^line 3: /)]);
});

test('a batch may not wait longer than RabbitMQ lets a consumer hold a message', () => {
  expect(faults(`${GOOD}batch: { interval: 20m }\n`)).toEqual([
    expect.stringMatching(/^batch\.interval: "20m" is not valid: expected at most 15m/),
  ]);
});

test('a fault never shows a secret, wherever it came from', () => {
  const text = GOOD.replace('http://127.0.0.1:1/posts', `"\${BASE}"`);
  const [fault = ''] = faults(text, { BASE: 'htp://user:sEcReT-"123"@host/x' });
  expect(fault).toMatch(/^endpoints\.blog\.url: "\$\{BASE\}" is not valid: expected an http or https URL/);
  expect(fault).not.toContain('sEcReT');
  const [other] = faults(GOOD.replace('entity: post', `entity: "\${API_TOKEN}"`), { API_TOKEN: 'sEcReT' });
  expect(other).toBe(`endpoints.blog.entity: no entity "\${API_TOKEN}": expected one of post`);
});

test('faults within the parts and between them are told in one go', () => {
  const text = GOOD.replace('entity: post', 'entity: pots\n    retries: many').replace('key: id', 'key: uid');
  expect(faults(text)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^endpoints\.blog\.retries: /),
      'endpoints.blog.entity: no entity "pots": expected one of post',
      'entities.post.key: no field "uid": expected one of id, title, author, updatedAt',
    ]),
  );
});

test('a file that is silent on the batch and the sink asks the environment', () => {
  const env = { BATCH_SIZE: '3', BATCH_INTERVAL: '1s', OUTPUT_DIR: 'elsewhere', SINK: 'postgres' };
  const silent = parsePipeline(GOOD, env, 'test.yaml');
  expect(silent.batch).toEqual({ size: 3, interval: 1_000 });
  expect(silent.sink).toMatchObject({ type: 'postgres', csv: { directory: 'elsewhere' } });
  const firm = parsePipeline(`${GOOD}batch: { size: 7 }\nsink: { csv: { directory: here } }\n`, env, 'test.yaml');
  expect(firm.batch).toEqual({ size: 7, interval: 1_000 });
  expect(firm.sink.csv.directory).toBe('here');
});

test('an overlap that the version cannot be moved back by is a fault, not ignored', () => {
  const withOverlap = (type: string, overlap: string) =>
    faults(
      `${GOOD.replace('updatedAt: datetime', `updatedAt: ${type}`)}    incremental: { parameter: since, overlap: ${overlap} }\n`,
    );
  const path = 'endpoints.blog.incremental.overlap';
  expect(withOverlap('string', '5s')).toEqual([
    expect.stringContaining(`${path}: overlap does not work with a version that is text`),
  ]);
  expect(withOverlap('datetime', '5')).toEqual([expect.stringContaining(`${path}: 5 has no unit`)]);
  expect(withOverlap('integer', 'five')).toEqual([
    expect.stringContaining(`${path}: "five" is not valid: expected a d`),
  ]);
  expect([withOverlap('integer', '5'), withOverlap('integer', '5s'), withOverlap('datetime', '0s')]).toEqual([
    [],
    [],
    [],
  ]);
});

test('credentials that are set twice, half a certificate and limits for a host that is none are faults', () => {
  const settings = `    headers: { Authorization: Bearer x }
    auth: { type: bearer, token: y }
    tls: { cert: PEM }
limits: { hosts: { api.example: { concurrency: 2 } } }
`;
  expect(faults(GOOD + settings)).toEqual([
    expect.stringContaining('endpoints.blog.auth: credentials are set twice'),
    expect.stringContaining('endpoints.blog.tls: cert and key belong together'),
    expect.stringContaining('limits.hosts.api.example: no endpoint is there: expected one of 127.0.0.1:1'),
  ]);
});

test('a setting that is unknown or missing hides no other fault', () => {
  const text = GOOD.replace('key: id', 'key: uid\n    kee: id')
    .replace('title: string', 'title: strng')
    .replace('    dataset: posts\n', '')
    .replace('entity: post', 'entity: pots\n    itms: $.data');
  expect(faults(text)).toEqual([
    'entities.post.dataset: missing',
    expect.stringMatching(
      /^entities\.post\.fields\.title: "strng" is not valid: expected one of string, [^[]*\}; did you mean string\?$/,
    ),
    'entities.post: unknown setting kee; did you mean key?',
    'endpoints.blog: unknown setting itms; did you mean items?',
    'entities.post.key: no field "uid": expected one of id, title, author, updatedAt',
    'endpoints.blog.entity: no entity "pots": expected one of post',
  ]);
});

test('every fault of a merge is told at once, and none that follows from another', () => {
  const merge = `
merges:
  posts:
    each: { entity: post, lines: title }
    with: { entity: pots, on: sku }
    columns: { a: post.nope, b: line.sku, c: pots.x, d: other.x, e: post.id }
`;
  expect(faults(GOOD + merge)).toEqual([
    'merges.posts.with.entity: no entity "pots": expected one of post',
    'merges.posts: "posts" is already an entity\'s dataset',
    'merges.posts.each.lines: "title" must be a field of type list',
    'merges.posts.columns.a: "post.nope" does not exist: no field "nope": expected one of id, title, author, updatedAt',
    'merges.posts.columns.d: "other.x" does not exist: no side "other": expected one of post, pots, line',
  ]);
  const without = GOOD + merge.replace('lines: title', '');
  const others = faults(GOOD + merge).filter((one) => !/^merges.posts.(each|columns.d)/.test(one));
  expect(faults(without)).toEqual([
    ...others.slice(0, 2),
    'merges.posts.with.on: "post" has no field "sku": expected one of id, title, author, updatedAt',
    others[2],
    'merges.posts.columns.b: "line.sku" does not exist: no side "line": expected one of post, pots',
    'merges.posts.columns.d: "other.x" does not exist: no side "other": expected one of post, pots',
  ]);
});

test('a column that is calculated is checked: its form, its names, its type', () => {
  const post =
    'post: { dataset: posts, queue: posts, key: id, fields: { id: integer, author: integer, size: number, note: string? } }';
  const writer = 'writer: { dataset: writers, queue: writers, key: id, fields: { id: integer, rate: decimal } }';
  const faultsOf = (columns: string) =>
    faults(`
entities: { ${post}, ${writer} }
endpoints: {}
merges: { texts: { each: { entity: post }, with: { entity: writer, on: author }, columns: { ${columns} } } }
`);
  const right =
    'a: { type: decimal, decimals: 2, value: writer.rate * post.size }, b: { type: boolean, value: "post.note != null" }';
  expect(faultsOf(right)).toEqual([]);
  const place = 'merges.texts.columns';
  const former = (type: string, value: string) => `{ type: ${type}, value: "${value}" }`;
  expect(
    faultsOf('a: { multiply: [post.size, writer.rate], decimals: 3 }, b: { atLeast: [post.id, writer.id] }'),
  ).toEqual([
    expect.stringContaining(
      `${place}.a: multiply is an expression now: write { type: number, decimals: 3, value: "post.size * writer.rate" }`,
    ),
    `${place}.b: atLeast is an expression now: write ${former('boolean', 'post.id >= writer.id')}`,
  ]);
  expect(faultsOf('a: { type: number, value: post.id * post.size }, b: { type: string, value: post.nope }')).toEqual([
    expect.stringMatching(
      /^merges\.texts\.columns\.a\.value: .* cannot be evaluated: no such overload: int \* double .*double\(x\)/,
    ),
    expect.stringContaining('post has no field "nope": expected one of id, author, size, note'),
  ]);
  const others = (columns: string) => faultsOf(`a: { type: string, value: post.id }, ${columns}`);
  const ofId =
    'merges.texts.columns.a.value: "post.id" cannot be evaluated: its value is of type int, expected string; string(x) makes text of a number';
  expect(others('b: { type: string, decimals: 2, value: post.note }')).toEqual([
    expect.stringMatching(/b\.decimals: .*a column of type string has no decimals: they are for number and decimal$/),
    ofId,
  ]);
  expect(others('b: { type: json, value: post.note }')).toContainEqual(
    expect.stringMatching(
      /columns\.b\.type: .*expected one of string, integer, number, decimal, boolean, datetime, date/,
    ),
  );
  expect(others('b: { type: string, value: line.id }')).toEqual([
    ofId,
    expect.stringContaining('no side "line": expected one of post, writer'),
  ]);
});

test('a file that says merge is told what it is called now, and its other faults', () => {
  const merge =
    'merge: { dataset: lines, each: { entity: post, lines: x }, with: { entity: post, on: id }, columns: {} }';
  const renamed = `is called merges now, and names its dataset: write merges: { lines: { each: ..., with: ..., columns: ... } }`;
  expect(faults(GOOD + merge)).toEqual([`merge: ${renamed}`]);
  expect(faults(`${GOOD.replace('key: id', 'key: uid')}${merge}\nlimit: 3\n`)).toEqual([
    expect.stringMatching(/^: unknown setting limit; here it is limits /),
    `merge: ${renamed}`,
    'entities.post.key: no field "uid": expected one of id, title, author, updatedAt',
  ]);
});

test('there may be any number of merges, also of the same entities, and the faults of each are told', () => {
  const side = '{ each: { entity: post, lines: comments }, with: { entity: author, on: id }, columns: {} }';
  const author = 'entities:\n  author: { dataset: authors, queue: authors, key: id, fields: { id: integer } }\n';
  const text = GOOD.replace('author: string?', 'comments: { type: list, items: { id: integer } }').replace(
    'entities:\n',
    author,
  );
  const config = parsePipeline(`${text}merges: { one: ${side} }\n`, {}, 'test.yaml');
  expect(config.merges.map(({ dataset }) => dataset)).toEqual(['one']);
  const two = parsePipeline(`${text}merges: { one: ${side}, two: ${side} }\n`, {}, 'test.yaml');
  expect(two.merges.map(({ dataset }) => dataset)).toEqual(['one', 'two']);
  expect(faults(`${text}merges: { one: ${side}, two: ${side.replace('comments', 'title')} }\n`)).toEqual([
    'merges.two.each.lines: "title" must be a field of type list',
  ]);
});

test('a star names each entity once, and each by a field of the line', () => {
  const fields = '{ id: integer, item: string, place: string?, total: number }';
  const text = (others: string) => `
entities:
  order: { dataset: orders, queue: o, key: id, fields: ${fields} }
  item: { dataset: items, queue: i, key: sku, fields: { sku: string, price: number } }
  place: { dataset: places, queue: p, key: code, fields: { code: string, city: string } }
endpoints: {}
merges:
  all: { each: { entity: order }, with: ${others}, columns: { price: item.price, city: place.city } }
`;
  const config = parsePipeline(text('[{ entity: item, on: item }, { entity: place, on: place }]'), {}, 'test.yaml');
  expect(config.merges[0]?.with).toEqual([
    { entity: 'item', on: 'item' },
    { entity: 'place', on: 'place' },
  ]);
  expect(
    faults(
      text(
        '[{ entity: item, on: item }, { entity: place, on: nope }, { entity: item, on: id }, { entity: order, on: id }]',
      ),
    ),
  ).toEqual([
    expect.stringMatching(/^merges\.all\.with\.2\.entity: "item" is named twice/),
    expect.stringMatching(/^merges\.all\.with\.3\.entity: "order" is the entity of each too/),
    'merges.all.with.1.on: "order" has no field "nope": expected one of id, item, place, total',
  ]);
});

test('a merge of an entity with itself is refused: its records would be one side only, and the rows of the merge would be missing', () => {
  const side = '{ each: { entity: post }, with: { entity: post, on: author }, columns: { title: post.title } }';
  expect(faults(`${GOOD}merges: { answers: ${side} }\n`)).toEqual([
    expect.stringMatching(/^merges\.answers\.with\.entity: "post" is the entity of each too, and a merge joins two: /),
  ]);
});

test('what is expected is told in words for people', () => {
  const set = (text: string) => faults(`${GOOD}    ${text}\n`);
  expect(set('schedule: { every: 30 }')).toEqual([
    'endpoints.blog.schedule.every: 30 is not valid: expected a duration with its unit, such as 500ms, 30s, 5m, 12h or 7d',
  ]);
  expect(set('retries: many')).toEqual(['endpoints.blog.retries: "many" is not valid: expected a number']);
  expect(set('retries: 99')).toEqual(['endpoints.blog.retries: 99 is not valid: expected at most 10']);
  expect(set('priority: now')).toEqual([
    'endpoints.blog.priority: "now" is not valid: expected one of critical, high, normal, low',
  ]);
  expect(set('headers: { x: [1] }')).toEqual(['endpoints.blog.headers.x: [1] is not valid: expected text']);
  expect(faults('hello')).toEqual([': "hello" is not valid: expected a mapping']);
  expect(faults(`${GOOD}batch: { size: 0 }\n`)).toEqual(['batch.size: 0 is not valid: expected 1 or more']);
  expect(faults(GOOD.replace('  post:', '  Post:'))).toContainEqual(
    'entities.Post: the name "Post" is not valid: expected a lower-case name: letters, digits, underscores',
  );
});

test('a limit for a host is no fault where the URL that may name it cannot be read', () => {
  const text = `${GOOD.replace('http://127.0.0.1:1', '127.0.0.1:1')}limits: { hosts: { "127.0.0.1:1": {} } }\n`;
  expect(faults(text)).toEqual([expect.stringMatching(/^endpoints\.blog\.url: .*expected an http or https URL$/)]);
});

test.each(['entities', 'post', 'fields', 'url', 'blog'])(
  'a name that no mapping keeps is refused, and not lost in silence: in the place of %s',
  (name) => {
    expect(faults(GOOD.replace(`${name}:`, '__proto__:'))).toEqual([
      expect.stringMatching(/^line \d+: nothing can be called __proto__ here/),
    ]);
  },
);

test('such a name is refused wherever it stands, with its line', () => {
  const more = '    headers: { accept: x, "__proto__": y }\n    query: { ? __proto__ : 1 }\n';
  expect(faults(GOOD + more)).toEqual([expect.stringMatching(/^line 13: /), expect.stringMatching(/^line 14: /)]);
});

const STARS = '*'.repeat(16);

test.each([
  ['a token', `    auth: { type: bearer, token: "${STARS}" }`, 'endpoints.blog.auth.token'],
  [
    'a token behind a scheme',
    `    headers: { authorization: "Bearer ${STARS}" }`,
    'endpoints.blog.headers.authorization',
  ],
  ['a default', `    auth: { type: bearer, token: "\${TOKEN:-${STARS}}" }`, 'endpoints.blog.auth.token'],
  ['a parameter of a URL', `    query: { key: "${STARS}" }`, 'endpoints.blog.query.key'],
  ['a part of a body', `    method: POST\n    body: { deep: [{ pin: '${STARS}' }] }`, 'endpoints.blog.body.deep.0.pin'],
])('stars that the page Configuration shows are refused by name: %s', (_what, lines, path) => {
  const told = faults(`${GOOD}${lines}\n`);
  expect(told).toContainEqual(expect.stringMatching(`^${path.replaceAll('.', '\\.')}: holds the stars`));
});

test('so are those of a user in a URL; fewer stars, and those of a comment, are none', () => {
  const url = GOOD.replace('http://127.0.0.1:1/posts', 'http://********@127.0.0.1:1/posts');
  expect(faults(url)).toContainEqual(expect.stringMatching(/^endpoints\.blog\.url: holds the stars/));
  expect(faults(`${GOOD}    schedule: { cron: "* * * * *" } # ${STARS}\n    headers: { accept: "*/*" }\n`)).toEqual([]);
});

test('what the schema looks at once the rest is right is told at once too', () => {
  const text = GOOD.replace('author: string?', 'author: { type: string, protect: drop }');
  const told = faults(
    `${text}    retries: many\nexports: { one: { to: 7 }, two: { to: ./e, colour: red, query: delete from posts } }\n`,
  );
  for (const place of [
    'fields.author.protect',
    'endpoints.blog.retries',
    'exports.one: expected a query, or a dataset',
    'colour',
    'exports.two.query',
  ])
    expect(told.join('\n')).toContain(place);
  expect(new Set(told).size).toBe(told.length);
});

test('an alias of nothing is told in words', () => {
  expect(faults(`${GOOD}    headers: { accept: *nowhere }\n`)).toEqual([
    expect.stringMatching(/cannot be read: .*nowhere/),
  ]);
});

test.each([
  ['7y', ['"customer" has no version']],
  ['{ customer: 90d }', ['"customer" has no version']],
  ['{ customer: { keep: 90d, by: seen } }', []],
  ['{ customer: { keep: 2y, by: born } }', []],
  ['{ customer: { keep: 90d, by: sean } }', ['"customer" has no field "sean"']],
  ['{ customer: { keep: 90d, by: id } }', ['is of type string, and not datetime or date']],
  ['{ customer: { keep: 90d, by: maybe } }', ['may be empty']],
  ['{ customer: { keep: 90d, by: coarse } }', ['is protected']],
  ['{ visit: 6m }', ['for a day at least: m are minutes']],
  ['{ visit: { keep: 0d, by: at } }', ['for a day at least']],
  ['0s', ['for a day at least']],
  ['{ visit: 1d }', []],
  ['{ costumer: 90d }', ['there is no entity "costumer"']],
  ['{ visit: 90d }', []],
  ['{ count: 90d }', ['is of type integer']],
  ['90', ['expected a duration such as 7y']],
  ['{}', []],
])('rows that are kept for %s are judged by what tells their age', (rows, faultsExpected) => {
  const text = `
entities:
  customer: { dataset: customers, queue: c, key: id, fields: { id: string, seen: datetime, born: date, maybe: datetime?, coarse: { type: date, protect: { type: generalise, to: year } } } }
  visit: { dataset: visits, queue: v, key: id, version: at, fields: { id: string, at: datetime } }
  count: { dataset: counts, queue: n, key: id, version: at, fields: { id: string, at: integer } }
endpoints: { crm: { url: "http://127.0.0.1:1/", entity: customer } }
retention: { rows: ${rows} }
`;
  const found = faults(text);
  for (const fault of faultsExpected) expect(found.join('\n')).toContain(fault);
  if (faultsExpected.length === 0) expect(found).toEqual([]);
});

test('a year of retention has 365 days', () => {
  expect(parsePipeline(`${GOOD}retention: { deadLetters: 1.5y }\n`, {}, 'the test').retention.deadLetters).toBe(
    1.5 * 365 * 86_400_000,
  );
});

test('a time for older states is a fault where none are kept', () => {
  const text = `${GOOD}retention: { history: 90d }\n`;
  expect(parsePipeline(text, {}, 'the test').retention.history).toBe(90 * 86_400_000);
  const postgres = (settings: string) => faults(`${text}sink: { type: postgres, postgres: ${settings} }\n`);
  expect(postgres('{}')).toEqual([
    'retention.history: older states are not kept at all: set sink.postgres.history to true, or leave this out',
  ]);
  expect(postgres('{ history: true }')).toEqual([]);
  expect(faults(`${GOOD}retention: { history: 90 }\n`)[0]).toContain('expected a duration with its unit');
});

import { expect, test } from 'vitest';
import { DIALECT as MYSQL } from '../../../src/sources/sql/mysql/mysql.js';
import { OpenTransactions } from '../../../src/sources/sql/open-transactions.js';
import { sqlEndpointWith } from '../../support/pipeline.js';

const ENTITIES = {
  thing: {
    dataset: 'things',
    queue: 'things',
    key: 'id',
    version: 'at',
    fields: { id: 'integer', at: 'datetime' },
  },
};

/** What is told of a MySQL in the polls of an endpoint; `again` stands for a connection that was lost in between. */
async function toldOf(isReadOnly: () => boolean, polls: readonly ('poll' | 'again')[], incremental: object = {}) {
  const settings = { url: 'mysql://reader@127.0.0.1:1/bank', table: 'things', entity: 'thing', incremental };
  const { config } = sqlEndpointWith(settings, { entities: ENTITIES });
  const doubts: string[] = [];
  const asked: string[] = [];
  const ask = async ({ text }: { readonly text: string }) => {
    asked.push(text);
    const isOfServer = text === MYSQL.replica?.text;
    return {
      columns: [],
      rows: [isOfServer ? [isReadOnly() ? '1' : '0'] : ['InnoDB', '', 'LIST OF TRANSACTIONS FOR EACH SESSION:']],
    };
  };
  const transactions = new OpenTransactions(config, {
    statements: { ask },
    dialect: MYSQL,
    onDoubt: (doubt) => void doubts.push(doubt),
    onNews() {},
  });
  for (const one of polls) {
    if (one === 'again') transactions.forgetServer();
    else await transactions.oldest(1_000_000_000_000, undefined, new AbortController().signal);
  }
  return { doubts, asked: asked.filter((text) => text === MYSQL.replica?.text).length };
}

test('a MySQL that only reads, as replicas do, is told of once, and asked once for each connection', async () => {
  const { doubts, asked } = await toldOf(() => true, ['poll', 'poll', 'again', 'poll']);
  expect(doubts).toEqual([expect.stringMatching(/set to read_only.*committed later.*left out; set overlap/)]);
  expect(asked).toBe(2);
});

test('a replica that takes the place of a primary is told of', async () => {
  const answers = [false, true];
  const { doubts, asked } = await toldOf(() => answers.shift() === true, ['poll', 'poll', 'again', 'poll']);
  expect(asked).toBe(2);
  expect(doubts).toHaveLength(1);
});

test.each([
  ['where the overlap is given', { overlap: '1m' }],
  ['where open transactions are not asked for', { openTransactions: false }],
])('nothing is asked or told %s', async (_, incremental) => {
  expect(await toldOf(() => true, ['poll'], incremental)).toEqual({ doubts: [], asked: 0 });
});

import { FatalError } from '@tributary/shared';
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
async function toldOf(
  isReadOnly: () => boolean,
  polls: readonly ('poll' | 'again')[],
  incremental: object = {},
  answers: Readonly<Record<string, readonly string[] | 'refused'>> = {},
) {
  const settings = { url: 'mysql://reader@127.0.0.1:1/bank', table: 'things', entity: 'thing', incremental };
  const { config } = sqlEndpointWith(settings, { entities: ENTITIES });
  const doubts: string[] = [];
  const asked: string[] = [];
  const ask = async ({ text }: { readonly text: string }) => {
    asked.push(text);
    if (text === READ_ONLY) return { columns: [], rows: [[isReadOnly() ? '1' : '0']] };
    const answer = answers[text] ?? [];
    if (answer === 'refused') throw new FatalError('refused', 'Access denied');
    if (text.startsWith('SHOW') && text !== 'SHOW ENGINE INNODB STATUS')
      return { columns: [], rows: answer.length === 0 ? [] : [answer] };
    return { columns: [], rows: [['InnoDB', '', 'LIST OF TRANSACTIONS FOR EACH SESSION:']] };
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
  return { doubts, asked: asked.filter((text) => text === READ_ONLY).length };
}

const READ_ONLY = MYSQL.replica?.[0]?.text;

test('a MySQL that only reads, as replicas do, is told of once, and asked once for each connection', async () => {
  const { doubts, asked } = await toldOf(() => true, ['poll', 'poll', 'again', 'poll']);
  expect(doubts).toEqual([expect.stringMatching(/set to read_only.*committed later.*left out; set overlap/)]);
  expect(asked).toBe(2);
});

test.each([
  ['replicates', { 'SHOW REPLICA STATUS': ['Waiting for source to send event', '10.0.0.1'] }],
  ['has stopped to replicate', { 'SHOW REPLICA STATUS': ['', '10.0.0.1'] }],
  ['replicates over a named connection', { 'SHOW ALL SLAVES STATUS': ['reports', 'Slave has read all relay log'] }],
  [
    'is old',
    {
      'SHOW REPLICA STATUS': 'refused' as const,
      'SHOW ALL SLAVES STATUS': 'refused' as const,
      'SHOW SLAVE STATUS': ['Waiting for master'],
    },
  ],
])('a MySQL that may be written to and %s is told of', async (_words, answers) => {
  const { doubts } = await toldOf(() => false, ['poll', 'poll'], {}, answers);
  expect(doubts).toEqual([expect.stringMatching(/a replica \(SHOW REPLICA STATUS\).*set overlap/)]);
});

test('a primary is not told of, also to a user who may not ask', async () => {
  expect((await toldOf(() => false, ['poll'])).doubts).toEqual([]);
  const refused = { 'SHOW REPLICA STATUS': 'refused', 'SHOW SLAVE STATUS': 'refused' } as const;
  expect((await toldOf(() => false, ['poll'], {}, refused)).doubts).toEqual([]);
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

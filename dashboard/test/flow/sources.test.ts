import { type EndpointConfig, parsePipeline } from '@tributary/shared';
import { expect, test } from 'vitest';
import { parseMetrics } from '../../src/flow/metrics-text.js';
import { type SourceState, tellsOfSources, wordsOfSource } from '../../src/flow/sources.js';

const PIPELINE = `
name: words
entities: { post: { dataset: posts, queue: posts, key: id, fields: { id: string } } }
endpoints:
  drop: { source: files, path: "/drop/*.csv", entity: post }
  shop: { source: webhook, entity: post, sender: { type: shopify, secret: a-long-secret-of-the-shop } }
  api: { url: "http://127.0.0.1:1", entity: post }
sink: { type: csv, csv: { directory: /nowhere } }
`;

const { endpoints } = parsePipeline(PIPELINE, {}, 'words.yaml');

const producer = (text: string) => ({
  url: 'http://p',
  address: 'p',
  name: null,
  answers: true,
  problems: [],
  metrics: parseMetrics(text),
});

const wordsOf = (id: string, metrics: readonly string[], state: SourceState = {}) =>
  wordsOfSource(id, endpoints[id] as EndpointConfig, metrics.map(producer), state);

test('of files: the place within the current one, what is ahead, not whole, refused, and taken by all producers', () => {
  const taken = (count: number) =>
    `tributary_poll_inputs_total{endpoint="drop",outcome="read"} ${count}\ntributary_poll_inputs_total{endpoint="drop",outcome="waiting"} 99`;
  const file = { name: 'bank/2026.csv', readBytes: 3 * 1024 ** 3, bytes: 10 * 1024 ** 3 };
  expect(wordsOf('drop', [taken(3), taken(2)], { reading: { file, ahead: 2, waiting: 1, refused: 1 } })).toEqual([
    'bank/2026.csv: 30 % of 10 GB',
    '2 files to look into',
    '1 file not whole yet',
    '1 file cannot be read',
    '5 files taken',
  ]);
  expect(wordsOf('drop', [], { reading: { ahead: 0, waiting: 0, refused: 0 } })).toEqual([]);
  const refusing = (refused: number) =>
    wordsOf('drop', [], { reading: { ahead: 0, waiting: 0, refused, firstRefused: 'd.csv' } });
  expect([...refusing(1), ...refusing(2)]).toEqual([
    '1 file cannot be read: d.csv',
    '2 files cannot be read, such as d.csv',
  ]);
});

test('of a stream: how far it is behind, in bytes and seconds', () => {
  const stream = { phase: 'streaming', lagBytes: 1_500_000, lagSeconds: 3.4 };
  expect(wordsOf('api', [], { stream })).toEqual(['1.43 MB and 3 s behind']);
  expect(wordsOf('api', [], { stream: { ...stream, lagBytes: 0 } })).toEqual(['up to date']);
  expect(wordsOf('api', [], { stream: { ...stream, phase: 'copying' } })).toEqual(['copies the table']);
});

test('of events: what the door refused, by the reason, and what waits for RabbitMQ', () => {
  const requests = (outcome: string, count: number, endpoint = 'shop') =>
    `tributary_hook_requests_total{endpoint="${endpoint}",outcome="${outcome}"} ${count}`;
  const one = [requests('accepted', 100), requests('wrong_signature', 2), requests('too_large', 1)].join('\n');
  const two = [requests('wrong_signature', 3), requests('unsigned', 7, 'other'), 'tributary_hook_waiting_records 4'];
  expect(wordsOf('shop', [one, two.join('\n')])).toEqual([
    'events refused: wrong signature 5, too large 1',
    '4 records of events wait for RabbitMQ',
  ]);
  expect(wordsOf('api', [two.join('\n')])).toEqual([]);
});

test('producers that read files or follow a stream are asked for themselves', () => {
  expect(tellsOfSources(producer('tributary_files_waiting{endpoint="drop"} 0'))).toBe(true);
  expect(tellsOfSources(producer('tributary_stream_lag_bytes{endpoint="bank"} 0'))).toBe(true);
  expect(tellsOfSources(producer('tributary_poll_runs_total{endpoint="api"} 1'))).toBe(false);
});

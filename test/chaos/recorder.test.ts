import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contentHash } from '@tributary/shared';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { at, samplePipeline, sampleRecords } from '../integration/audit-sample.js';
import { type Recorder, startRecorder } from '../src/chaos/recorder.js';

let recorder: Recorder;
let listing: readonly object[] = [];
const api = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: listing, nextCursor: null }));
});

beforeEach(async () => {
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  recorder = await startRecorder(`http://127.0.0.1:${(api.address() as AddressInfo).port}`);
  const config = samplePipeline('/nowhere');
  const { customers, items } = config.endpoints;
  if (customers === undefined || items === undefined) throw new Error('the sample has two endpoints');
  recorder.know({ ...config, endpoints: { customers, items: { ...items, deletes: { missing: true } } } });
});
afterEach(async () => {
  await recorder.stop();
  api.close();
  api.closeAllConnections();
  await once(api, 'close');
});

const [S1 = {}, S2 = {}] = sampleRecords.item;
const s2 = (second: number) => ({ ...S2, updatedAt: at(second) });

/** A producer reads the items, one answer after the other. */
async function serve(...answers: readonly (readonly object[])[]): Promise<void> {
  for (listing of answers) await (await fetch(`${recorder.url}/items`)).text();
}

const versionsOf = (key: string) => [...recorder.states('item', key)].map(({ version }) => version);

test('remembers each time that a record was gone: between the version before and the one behind it', async () => {
  await serve([S1, s2(21)], [S1], [S1, s2(22)], [S1], [S1], [S1, s2(23)]);
  expect(versionsOf('S2')).toEqual([at(21), '2026-01-01T00:00:21.0001Z', at(22), '2026-01-01T00:00:22.0001Z', at(23)]);
  const gone = [...recorder.states('item', 'S2')].filter(({ content }) => content === contentHash('item', 'S2', null));
  expect(gone).toHaveLength(2);
  expect(versionsOf('S1')).toEqual([at(20)]);
});

test('remembers a state once, however often it is read', async () => {
  await serve([S1, S2], [S1, S2], [S1, S2]);
  expect(versionsOf('S2')).toEqual([at(21)]);
});

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { expect, it, vi } from 'vitest';
import { createDashboard } from '../../src/index.js';
import { sampleConfig } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

it('ends well while a page watches and a producer takes its time: a write to the ended stream ended the process', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'live-'));
  let asked = 0;
  const answers: (() => void)[] = [];
  const producer = createServer((_request, response) => {
    asked += 1;
    answers.push(() => response.end());
  }).listen(0, '127.0.0.1');
  await once(producer, 'listening');
  const url = `http://127.0.0.1:${(producer.address() as AddressInfo).port}`;
  const services = () => ({ producers: [url], consumers: [] });
  const config = sampleConfig(folder);
  const auditLog = join(folder, 'audit.jsonl');
  const dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'test', log, services, auditLog });
  try {
    await dashboard.start();
    await (await fetch(`${dashboard.url}/api/live`)).body?.getReader().read();
    const before = asked;
    await vi.waitFor(() => expect(asked).toBeGreaterThan(before));
    const stopped = dashboard.stop();
    for (const answer of answers) answer();
    await stopped;
  } finally {
    await dashboard.stop();
    producer.closeAllConnections();
    producer.close();
    await rm(folder, { recursive: true });
  }
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@tributary/shared';
import { createDashboard } from '../../src/index.js';
import { appendRows, sampleConfig, writePart } from '../sample.js';
import { describeMoments } from './moments.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

describeMoments('CSV', 150, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'moments-'));
  await writePart(folder, []);
  const config = sampleConfig(folder);
  const dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'test', log });
  await dashboard.start();
  return {
    dashboard,
    write: (rows) => appendRows(folder, rows),
    async close() {
      await dashboard.stop();
      await rm(folder, { recursive: true });
    },
  };
});

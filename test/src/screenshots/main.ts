import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@tributary/shared';
import { startChromium } from '../../services/chromium.js';
import { type Shot, takeShots } from './shots.js';

// `npm run screenshots`: runs `npm start` on a folder of its own, lets it flow for a while, and photographs the dashboard.
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const TOKEN = 'screenshots-token';
/** Milliseconds. The charts want some minutes to tell of. */
const FLOWING = Number(process.env.SCREENSHOT_SECONDS ?? 150) * 1_000;

const QUERY = `SELECT category, count(*) AS lines, sum(line_value) AS value\n  FROM customer_inventory GROUP BY 1 ORDER BY 1`;

const SHOTS: readonly Shot[] = [
  { name: 'flow', path: '/', ready: '.chart canvas', width: 1440, scheme: 'light' },
  { name: 'flow-dark', path: '/', ready: '.chart canvas', width: 1440, scheme: 'dark' },
  { name: 'flow-phone', path: '/', ready: '.chart canvas', width: 360, scheme: 'dark' },
  {
    name: 'table',
    path: '/data/customer_inventory?where=customer_country:is:Germany&sort=-line_value',
    width: 1440,
    ready: '.rows tbody tr',
    scheme: 'light',
    open: '.filter-box summary',
    shown: '.facets .chip',
  },
  {
    name: 'chart',
    path: '/data/customer_inventory?chart=bar&x=customer_country&y=line_value&how=sum&where=category:filled',
    width: 1440,
    ready: '.dataset-chart canvas',
    scheme: 'light',
  },
  ...(['light', 'dark'] as const).map((scheme) => ({
    name: scheme === 'light' ? 'sql' : 'sql-dark',
    path: `/sql?${new URLSearchParams({ query: QUERY, chart: 'bar', x: 'category', y: 'value' })}`,
    width: 1440,
    ready: '.sql-rows .primary',
    click: '.sql-rows .primary',
    shown: '.sql-main canvas',
    scheme,
  })),
  { name: 'trace', path: '/trace?dataset=customers&key=C-000012', ready: '.version', width: 1440, scheme: 'light' },
  {
    name: 'dead-letter',
    path: '/dead-letters',
    ready: '.letter',
    width: 1440,
    scheme: 'dark',
    click: '.letter h2 a',
    mend: ['"two"', '2'],
  },
];

const folder = await mkdtemp(join(tmpdir(), 'screenshots-'));
const env = {
  ...process.env,
  MOCK_CHANGES_PER_SECOND: '15',
  POLL_INTERVAL: '5s',
  BATCH_INTERVAL: '3s',
  DASHBOARD_ADMIN_TOKEN: TOKEN,
  AUDIT_LOG: join(folder, 'audit.jsonl'),
};
// From within its folder, so that no path of this machine is in a picture.
const command = [
  join(ROOT, 'tributary/dist/cli/main.js'),
  'start',
  '--config',
  join(ROOT, 'pipeline.yaml'),
  '--output',
  './output',
];
const program = spawn(process.execPath, command, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
let said = '';
program.stdout?.setEncoding('utf8').on('data', (text: string) => {
  said += text;
});
const told = async (what: RegExp): Promise<string> => {
  for (let tries = 0; tries < 300; tries++) {
    const found = what.exec(said)?.[1];
    if (found !== undefined) return found;
    await systemClock.sleep(200);
  }
  throw new Error(`npm start has not said ${what}: ${said}`);
};

try {
  const [dashboard, crm] = [await told(/dashboard +(http:\S+)/), await told(/CRM to poll +(http:\S+)/)];
  process.stdout.write(`letting ${dashboard} flow for ${FLOWING / 1_000} s\n`);
  await systemClock.sleep(FLOWING);
  const now = new Date().toISOString();
  const broken = {
    id: 'C-000042',
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    city: 'London',
    updatedAt: now,
    lines: [{ sku: 'SKU-00001', quantity: 'two' }],
  };
  await fetch(`${crm}/admin/customers/C-000042`, { method: 'PUT', body: JSON.stringify(broken) });
  await systemClock.sleep(12_000);
  const docs = join(ROOT, 'docs');
  await mkdir(docs, { recursive: true });
  const browser = await startChromium();
  try {
    for (const name of await takeShots(browser, dashboard, docs, SHOTS)) process.stdout.write(`docs/${name}.png\n`);
  } finally {
    await browser.close();
  }
} finally {
  program.kill('SIGTERM');
  await once(program, 'exit');
  await rm(folder, { recursive: true, force: true });
}

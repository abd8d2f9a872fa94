import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ROOT } from '../end-to-end/support/program.js';
import { check, findPromtool } from './support/tools.js';

const folder = join(ROOT, 'deploy', 'prometheus');
let promtool: string;

beforeAll(async () => {
  promtool = await findPromtool();
}, 180_000);

test('Prometheus takes its configuration and the rules in it', async () => {
  expect(await check(promtool, 'check', 'config', join(folder, 'prometheus.yml'))).toContain('rules found');
});

test('each alert fires when it should and is silent when all is well', async () => {
  expect(await check(promtool, 'test', 'rules', join(folder, 'alerts.test.yml'))).toContain('SUCCESS');
});

test('each alert has a test, a severity, and says what to do', () => {
  const rules = readFileSync(join(folder, 'alerts.yml'), 'utf8')
    .split(/^ +- alert: /m)
    .slice(1);
  const tests = readFileSync(join(folder, 'alerts.test.yml'), 'utf8');
  expect(rules.length).toBeGreaterThanOrEqual(8);
  for (const rule of rules) {
    const [name = ''] = rule.split('\n');
    expect(tests, name).toContain(name);
    expect(rule).toMatch(/severity: (critical|warning)/);
    expect(rule).toMatch(/summary: ".+"\n +action: ".+"/);
    expect(rule).toContain(`runbook: "docs/operating/runbooks.md#${name.toLowerCase()}"`);
  }
});

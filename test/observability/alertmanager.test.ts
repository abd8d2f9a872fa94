import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../end-to-end/support/program.js';
import { searchPath } from '../services/binaries.js';
import { check, findAmtool } from './support/tools.js';

const folder = mkdtempSync(join(tmpdir(), 'tributary-alertmanager-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let amtool: string;
beforeAll(async () => {
  amtool = await findAmtool();
}, 180_000);

const SLACK = { SLACK_WEBHOOK_URL: 'https://hooks.slack.com/services/T0/B0/slack-secret', SLACK_CHANNEL: "#o'clock" };
const EMAIL = {
  ALERT_EMAIL_TO: 'ops@example.org',
  SMTP_HOST: 'smtp.example.org:587',
  SMTP_USER: 'tributary',
  SMTP_PASSWORD: 'mail-secret',
};
const PAGERDUTY = { PAGERDUTY_ROUTING_KEY: 'pager-secret' };

/** Starts Alertmanager's start script with `true` in Alertmanager's place. @returns the configuration it wrote */
function configure(env: Readonly<Record<string, string>>): string {
  const settings = { PATH: searchPath, CONFIG_FOLDER: folder, ALERTMANAGER: 'true', ...env };
  execFileSync('sh', [join(ROOT, 'deploy', 'alertmanager', 'start.sh')], { env: settings, stdio: 'pipe' });
  return readFileSync(join(folder, 'alertmanager.yml'), 'utf8');
}

/** The receivers that Alertmanager itself says an alert goes to. */
async function receivers(severity: string): Promise<string[]> {
  const file = join(folder, 'alertmanager.yml');
  const said = await check(amtool, 'config', 'routes', 'test', '--config.file', file, `severity=${severity}`);
  return said.trim().split(',');
}

describe('Alertmanager', () => {
  test.for([
    { name: 'nothing', env: {}, critical: ['nobody'], warning: ['nobody'] },
    { name: 'Slack', env: SLACK, critical: ['slack'], warning: ['slack'] },
    { name: 'e-mail', env: EMAIL, critical: ['email'], warning: ['email'] },
    { name: 'PagerDuty', env: PAGERDUTY, critical: ['pagerduty'], warning: ['nobody'] },
    {
      name: 'all three',
      env: { ...SLACK, ...EMAIL, ...PAGERDUTY },
      critical: ['pagerduty', 'slack', 'email'],
      warning: ['slack', 'email'],
    },
  ])('with $name set tells who is set, and PagerDuty what is critical', async ({ env, critical, warning }) => {
    configure(env);
    expect(await check(amtool, 'check-config', join(folder, 'alertmanager.yml'))).toContain('SUCCESS');
    expect(await receivers('critical')).toEqual(critical);
    expect(await receivers('warning')).toEqual(warning);
  });

  test('keeps secrets out of its configuration, in files that nobody else can read', () => {
    expect(configure({ ...SLACK, ...EMAIL, ...PAGERDUTY })).not.toContain('secret');
    for (const [file, secret] of [
      ['slack-url', SLACK.SLACK_WEBHOOK_URL],
      ['smtp-password', EMAIL.SMTP_PASSWORD],
      ['pagerduty-key', PAGERDUTY.PAGERDUTY_ROUTING_KEY],
    ] as const) {
      expect(readFileSync(join(folder, file), 'utf8')).toBe(secret);
      expect(statSync(join(folder, file)).mode & 0o077).toBe(0);
    }
  });

  test('does not start with half of what e-mail needs, and says what is missing', () => {
    expect(() => configure({ ALERT_EMAIL_TO: 'ops@example.org' })).toThrow('ALERT_EMAIL_TO needs SMTP_HOST');
  });
});

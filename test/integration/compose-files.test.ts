import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDashboardSettings } from '@tributary/dashboard';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../end-to-end/support/program.js';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const FILES = ['docker-compose.yml', 'docker-compose.cluster.yml'];
const TEAM = 'docker-compose.team.yml';
const HA = 'docker-compose.ha.yml';

test.for([...FILES, TEAM, HA])(
  'every variable of %s is listed in .env.example, with the default it has there',
  (file) => {
    const listed = new Map(
      [...read('.env.example').matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    const used = [...read(file).matchAll(/\$\{([A-Z_]+):-([^}]*)\}/g)];
    expect(used.length).toBeGreaterThan(file === TEAM ? 3 : 5);
    for (const [, name = ''] of read(file).matchAll(/\$\{([A-Z_]+):\?/g)) expect([...listed.keys()]).toContain(name);
    for (const [, name = '', value = ''] of used) {
      expect([...listed.keys()]).toContain(name);
      // What a default must hide (a webhook) or what differs in a container is shown as an example.
      if (value !== '' && name !== 'CRM_URL') expect(listed.get(name), name).toBe(value);
    }
  },
);

test('.env.example, copied to .env, changes nothing', () => {
  expect(read('.env.example')).not.toMatch(/^[^#\n]/m);
});

// It does not know them, and refuses a file that has one (or, worse, reads past it).
test.for(FILES)('%s has no key that docker-compose 1.29 does not know', (file) => {
  const later = [
    'name',
    'include',
    'required',
    'start_interval',
    'develop',
    'pull_policy',
    'post_start',
    'attach',
    'annotations',
  ];
  const keys = [...read(file).matchAll(/(?:^|[{,])\s*([a-z_]+):/gm)].map(([, key]) => key);
  expect(keys).toContain('services');
  expect(keys.filter((key) => key !== undefined && later.includes(key))).toEqual([]);
});

test.for([
  [{}, 'local'],
  [{ BIND: '127.0.0.1' }, 'local'],
  [{ BIND: '[::1]' }, 'local'],
  [{ BIND: '0.0.0.0' }, 'token'],
  [{ BIND: '192.168.1.20' }, 'token'],
  [{ BIND: '[::]' }, 'token'],
  [{ BIND: '0.0.0.0', DASHBOARD_READ: 'local' }, 'token'],
  [{ BIND: '0.0.0.0', DASHBOARD_READ: 'open' }, 'open'],
  [{ DASHBOARD_VIEWER_TOKEN: 'secret-of-viewers' }, 'token'],
  [{ DASHBOARD_READ: 'local', DASHBOARD_VIEWER_TOKEN: 'secret-of-viewers' }, 'local'],
] satisfies [Record<string, string>, string][])(
  'with %j in .env, compose’s dashboard lets look without a token: %s',
  ([set, reading]) => {
    const asCompose = (text: string) =>
      text.replaceAll(
        /\$\{([A-Z_]+):-([^}]*)\}/g,
        (_, name: string, usual: string) => new Map(Object.entries(set)).get(name) || usual,
      );
    type File = { services: { dashboard: { environment: Record<string, string> } } };
    const { environment } = (parse(read('docker-compose.yml'), { merge: true }) as File).services.dashboard;
    const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, asCompose(value)]));
    expect(readDashboardSettings(env).reading).toBe(reading);
  },
);

test('nothing is published to more than this machine unless BIND says so', () => {
  const ports = [...FILES, TEAM, HA].flatMap((file) =>
    [...read(file).matchAll(/"(\S+):\d+"/g)].map(([, port]) => port),
  );
  expect(ports.filter((port) => port?.includes('_PORT'))).not.toEqual([]);
  for (const port of ports.filter((one) => one?.includes('_PORT')))
    expect(port).toMatch(/^(\$\{BIND:-127\.0\.0\.1\}|127\.0\.0\.1):/);
});

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../end-to-end/support/program.js';

interface ComposeService {
  readonly read_only?: boolean;
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly pids_limit?: number;
  readonly mem_limit?: string | number;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, unknown>> | readonly string[];
  readonly privileged?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly volumes?: readonly (string | { readonly source?: string })[];
}
type File = { readonly services: Readonly<Record<string, ComposeService>> };

/** The services as `docker compose config` gives them; where there is no Docker, as the YAML says: its anchors are merged all the same. */
function servicesOf(files: readonly string[]): Readonly<Record<string, ComposeService>> {
  const flags = files.flatMap((file) => ['-f', join(ROOT, file)]);
  const profiles = ['postgres', 'observability', 'traces', 'tools'].flatMap((name) => ['--profile', name]);
  try {
    const env = { ...process.env, ...(files === TEAM ? TEAM_SETTINGS : {}) };
    const options = { encoding: 'utf8' as const, timeout: 20_000, env };
    return (parse(execFileSync('docker', ['compose', ...flags, ...profiles, 'config'], options)) as File).services;
  } catch {
    const merged: Record<string, ComposeService> = {};
    for (const file of files) {
      const { services } = parse(readFileSync(join(ROOT, file), 'utf8'), { merge: true, logLevel: 'silent' }) as File;
      for (const [name, one] of Object.entries(services)) merged[name] = { ...merged[name], ...one };
    }
    return merged;
  }
}

/** What docker-compose.team.yml does not go without. */
const TEAM_SETTINGS = Object.fromEntries(
  [...readFileSync(join(ROOT, 'docker-compose.team.yml'), 'utf8').matchAll(/\$\{([A-Z_]+):\?/g)].map(
    ([, name = '']) => [name, 'set-by-the-test'],
  ),
);

/** Of servers whose image begins as root and goes on as a user of its own. */
const OF_SERVERS = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETGID', 'SETUID'];
/** The image of RabbitMQ writes its settings into /etc/rabbitmq. */
const WRITES_ITS_IMAGE = /^rabbitmq(-\d)?$/;

function faultsOf(name: string, service: ComposeService): string[] {
  const { cap_drop = [], cap_add = [], security_opt = [], volumes = [] } = service;
  const faults: [string, boolean][] = [
    ['cap_drop: [ALL]', !cap_drop.includes('ALL')],
    ['fewer cap_add', cap_add.some((one) => !OF_SERVERS.includes(one))],
    ['no-new-privileges', !security_opt.some((one) => /^no-new-privileges([:=]true)?$/.test(one))],
    ['pids_limit', !(Number(service.pids_limit) > 0)],
    ['mem_limit', !service.mem_limit],
    ['read_only', service.read_only !== true && !WRITES_ITS_IMAGE.test(name)],
    ['no privileged', service.privileged === true],
    ['networks of its own', service.network_mode !== 'none' && networksOf(service).length === 0],
    ['not the default network', networksOf(service).includes('default')],
    ['not the host', service.network_mode === 'host'],
    ['not the socket of Docker', JSON.stringify(volumes).includes('docker.sock')],
  ];
  return faults.filter(([, isFault]) => isFault).map(([fault]) => `${name}: ${fault}`);
}

const networksOf = ({ networks = [] }: ComposeService): readonly string[] =>
  Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks);

const TEAM = ['docker-compose.yml', 'docker-compose.team.yml'];
const CLUSTER = ['docker-compose.yml', 'docker-compose.cluster.yml'];
const HA = [...CLUSTER, 'docker-compose.ha.yml'];
const FILES = [['docker-compose.yml'], CLUSTER, TEAM, HA];

test.for(FILES.map((files) => [files]))('every service of %j is hardened', ([files = []]) => {
  const services = servicesOf(files);
  expect(Object.keys(services).length).toBeGreaterThan(9);
  expect(Object.entries(services).flatMap(([name, service]) => faultsOf(name, service))).toEqual([]);
});

test('a service without hardening is told', () => {
  expect(faultsOf('new', { privileged: true, security_opt: ['no-new-privileges:false'] })).toEqual([
    'new: cap_drop: [ALL]',
    'new: no-new-privileges',
    'new: pids_limit',
    'new: mem_limit',
    'new: read_only',
    'new: no privileged',
    'new: networks of its own',
  ]);
});

test('what keeps the data is in no network with what only looks or plays', () => {
  const services = servicesOf(['docker-compose.yml']);
  const of = (name: string) => [...networksOf(services[name] ?? {})].sort();
  expect(of('redis')).toEqual(['back']);
  expect(of('postgres')).toEqual(['back']);
  expect(of('rabbitmq')).toEqual(['back', 'metrics']);
  expect(of('mock-api')).toEqual(['front', 'metrics']);
  for (const name of ['prometheus', 'alertmanager', 'grafana']) expect(of(name)).toEqual(['metrics']);
});

/** Made by compose alone, which takes away what the first file has; plain YAML tells too. */
const inNetworks = (name: string) => [...networksOf(servicesOf(TEAM)[name] ?? {})].sort();

test('for a team, what keeps the data has a network of its own, and a consumer reaches nothing but servers', () => {
  const text = readFileSync(join(ROOT, 'docker-compose.team.yml'), 'utf8');
  const { networks } = parse(text, { merge: true, logLevel: 'silent' }) as {
    networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  };
  const closed = Object.keys(networks).filter((name) => networks[name]?.internal === true);
  expect(inNetworks('redis')).toEqual(['ledger']);
  expect(inNetworks('postgres')).toEqual(['rows']);
  for (const name of ['redis', 'postgres', 'rabbitmq', 'consumer']) {
    expect(
      inNetworks(name).filter((one) => !closed.includes(one)),
      name,
    ).toEqual([]);
  }
  expect(inNetworks('proxy')).toEqual(['doors', 'edge']);
  for (const other of ['redis', 'postgres', 'rabbitmq', 'consumer']) {
    expect(
      inNetworks('proxy').filter((one) => inNetworks(other).includes(one)),
      other,
    ).toEqual([]);
  }
});

test('for a team, servers are never root', () => {
  const services = servicesOf(TEAM);
  for (const name of ['rabbitmq', 'redis', 'postgres']) {
    expect(services[name]?.user, name).toBe(name);
    expect(services[name]?.cap_add ?? [], name).toEqual([]);
  }
});

test('what is there more than once is never root, and what decides by quorum is reached by those who ask it alone', () => {
  const services = servicesOf(HA);
  for (const [name, service] of Object.entries(services)) {
    if (!/^(redis|sentinel|postgres-|etcd)/.test(name)) continue;
    expect(service.cap_add ?? [], name).toEqual([]);
    if (/^(redis|sentinel)/.test(name)) expect(service.user, name).toBe('redis');
  }
  const inQuorum = Object.keys(services).filter((name) => networksOf(services[name] ?? {}).includes('quorum'));
  expect(inQuorum.sort()).toEqual(['etcd-1', 'etcd-2', 'etcd-3', 'postgres-1', 'postgres-2']);
  // Of Postgres and etcd, whose image is made here.
  expect(readFileSync(join(ROOT, 'deploy/high-availability/Dockerfile'), 'utf8')).toMatch(/^USER postgres$/m);
});

test('the keys of protected fields are for producers and commands alone', () => {
  const services = servicesOf(['docker-compose.yml']);
  const having = Object.keys(services).filter((name) => 'PRIVACY_HASH_KEY' in (services[name]?.environment ?? {}));
  expect(having.sort()).toEqual(['producer', 'tools']);
});

test('Redis asks for a password', () => {
  const { command = [] } = servicesOf(['docker-compose.yml']).redis ?? {};
  expect(command[command.indexOf('--requirepass') + 1]).toMatch(/^(tributary|\$\{REDIS_PASSWORD:-tributary\})$/);
});

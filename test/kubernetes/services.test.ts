import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDashboardSettings } from '@tributary/dashboard';
import {
  DEFAULT_SHUTDOWN_DEADLINE,
  ENVIRONMENT,
  PORTS,
  postgresServers,
  type Reader,
  readHooksAddress,
  readServiceSettings,
  topologyOf,
  type VariableName,
} from '@tributary/shared';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IContainer } from 'kubernetes-models/v1/Container';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import { afterAll, describe, expect, test } from 'vitest';
import { readRedisUrl } from '../../shared/src/redis/url.js';
import { read } from '../docs/documents.js';
import { configMapsIn, environmentOf, SECRETS } from './support/environment.js';
import { faultsOf } from './support/hardening.js';
import {
  chooses,
  deploymentsIn,
  kubectl,
  type Manifest,
  OVERLAYS,
  renderOverlay,
  servicesIn,
  statefulSetsIn,
} from './support/manifests.js';

const SERVICES = ['producer', 'consumer', 'dashboard'] as const;
type Ours = (typeof SERVICES)[number];

const folder = mkdtempSync(join(tmpdir(), 'tributary-kubernetes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A workload with pods, as a deployment and a stateful set both have them. */
interface Workload {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly pod: IPodSpec;
}

const workloadsIn = (manifests: readonly Manifest[]): Workload[] =>
  [...deploymentsIn(manifests), ...statefulSetsIn(manifests)].map(({ metadata, spec }) => ({
    name: metadata?.name ?? '',
    labels: spec?.template.metadata?.labels ?? {},
    pod: spec?.template.spec ?? { containers: [] },
  }));

const podOf = (deployment: IDeployment | undefined): IPodSpec => deployment?.spec?.template.spec ?? { containers: [] };

const EXAMPLE = { BLOG_TOKEN: 'token-of-the-example' };

describe.skipIf(kubectl === undefined).each(OVERLAYS)('the overlay %s', (overlay) => {
  const manifests = kubectl === undefined ? [] : renderOverlay(overlay);
  const configMaps = configMapsIn(manifests);
  const secrets = { ...SECRETS[overlay], 'tributary-endpoints': EXAMPLE };
  const containerOf = (service: Ours): IContainer => {
    const pod = podOf(deploymentsIn(manifests).find(({ metadata }) => metadata?.name === service));
    const [container] = pod.containers;
    if (container === undefined || pod.containers.length > 1) throw new Error(`${service}: not one container`);
    return container;
  };
  /** With the pipeline file of its ConfigMap where a test can read it. */
  const settingsOf = (service: Ours): Record<string, string> => {
    const env = environmentOf(containerOf(service), configMaps, secrets);
    const mount = containerOf(service).volumeMounts?.find(({ mountPath }) => env.PIPELINE?.startsWith(`${mountPath}/`));
    expect(mount?.readOnly).toBe(true);
    const volume = podOf(deploymentsIn(manifests).find(({ metadata }) => metadata?.name === service)).volumes?.find(
      ({ name }) => name === mount?.name,
    );
    const file = env.PIPELINE?.slice((mount?.mountPath.length ?? 0) + 1) ?? '';
    const text = configMaps[volume?.configMap?.name ?? '']?.[file];
    expect(text, 'the pipeline file is in its ConfigMap').toBeDefined();
    const path = join(folder, 'pipeline.yaml');
    writeFileSync(path, text ?? '');
    return { ...env, PIPELINE: path };
  };

  test.each(SERVICES)('gives %s the variables that it reads, and no others', (service) => {
    const container = containerOf(service);
    const given = [
      ...(container.env ?? []).map(({ name }) => name),
      ...(container.envFrom ?? []).flatMap(({ configMapRef }) =>
        Object.keys(configMaps[configMapRef?.name ?? ''] ?? {}),
      ),
    ];
    expect(given).toContain('AMQP_URL');
    const used = (name: string) => (container.env ?? []).some(({ value }) => value?.includes(`$(${name})`));
    const readers = (name: string): readonly Reader[] =>
      Object.hasOwn(ENVIRONMENT, name) ? ENVIRONMENT[name as VariableName].readers : [];
    const unread = given.filter(
      (name) => !readers(name).some((one) => one === service || one === 'pipeline') && !used(name),
    );
    expect(unread).toEqual([]);
  });

  test('gives the keys of protected fields to producers alone', () => {
    const withKeys = { ...secrets, 'tributary-protections': { PRIVACY_HASH_KEY: 'a-key-of-32-characters-or-more!!' } };
    const having = SERVICES.filter(
      (service) => environmentOf(containerOf(service), configMaps, withKeys).PRIVACY_HASH_KEY !== undefined,
    );
    expect(having).toEqual(['producer']);
  });

  test.each(['producer', 'consumer'] as const)('makes settings of it that %s can start with', (service) => {
    const env = settingsOf(service);
    const settings = readServiceSettings(service, env);
    expect(settings).toMatchObject({
      port: PORTS[service],
      host: '0.0.0.0',
      instance: `${service}-abc12`,
      reading: 'token',
    });
    expect(topologyOf(settings.config).queues).not.toEqual([]);
    expect(JSON.stringify(env)).not.toContain('$(');
    for (const url of settings.amqpUrl.split(',')) expect(new URL(url).protocol).toMatch(/^amqps?:$/);
    expect(readRedisUrl(settings.redisUrl).server).toMatch(/^rediss?(\+sentinel)?:\/\/[^/]+(\/tributary\/0)?$/);
    if (settings.config.sink.type === 'csv') expect(env.OUTPUT_DIR).toBe('/output');
    else if (service === 'consumer') expect(postgresServers(env.POSTGRES_URL ?? '')).toHaveLength(1);
  });

  test('makes settings of it that the dashboard can start with', () => {
    const env = settingsOf('dashboard');
    expect(readDashboardSettings(env)).toMatchObject({
      reading: 'token',
      trustProxy: 1,
      auditLog: '/audit/actions.jsonl',
    });
    for (const [name, service] of [
      ['PRODUCER_URL', 'producer'],
      ['CONSUMER_URL', 'consumer'],
    ] as const) {
      const { hostname, port } = new URL(env[name] ?? '');
      const found = servicesIn(manifests).find(({ metadata }) => metadata?.name === hostname);
      expect(found?.spec?.clusterIP, 'a name for all of them').toBe('None');
      expect(found?.spec?.ports?.map((one) => one.port)).toEqual([Number(port)]);
      expect(Number(port)).toBe(PORTS[service]);
    }
  });

  test.each(SERVICES)('lets %s listen where its manifests say', (service) => {
    const container = containerOf(service);
    const env = settingsOf(service);
    const ports = Object.fromEntries((container.ports ?? []).map(({ name, containerPort }) => [name, containerPort]));
    expect(ports.http).toBe(PORTS[service]);
    expect(env.PORT).toBe(String(PORTS[service]));
    expect(ports.webhooks).toBe(readHooksAddress(env)?.port);
    const exposed = [...read('Dockerfile').matchAll(/^EXPOSE (\d+)$/gm)].map(([, port]) => Number(port));
    expect(exposed).toContain(ports.http);
  });

  test('mounts where a service writes what can be written, and nothing else', () => {
    for (const service of SERVICES) {
      const writable = containerOf(service).volumeMounts?.flatMap(({ mountPath, readOnly }) =>
        readOnly ? [] : [mountPath],
      );
      const output = overlay === 'external-csv' && service === 'consumer' ? ['/output'] : [];
      const audit = service === 'dashboard' ? ['/audit'] : [];
      expect([...(writable ?? [])].sort()).toEqual([...audit, ...output, '/tmp'].sort());
    }
  });

  test('lets no Service, probe, budget or policy name what is not there', () => {
    const workloads = workloadsIn(manifests);
    const chosen = (selector: Readonly<Record<string, string>> | undefined) =>
      workloads.filter(({ labels }) => chooses(selector, labels));
    const portsOf = ({ pod }: Workload) => pod.containers.flatMap(({ ports = [] }) => ports);
    for (const { metadata, spec } of servicesIn(manifests)) {
      const [workload, ...others] = chosen(spec?.selector);
      expect([workload !== undefined, others.length], metadata?.name).toEqual([true, 0]);
      for (const { port, targetPort } of spec?.ports ?? []) {
        const found = workload && portsOf(workload).find(({ name }) => name === targetPort);
        expect(found?.containerPort, `${metadata?.name} ${targetPort}`).toBe(port);
      }
    }
    for (const { name, pod } of workloads) {
      for (const { name: container, ports = [], livenessProbe, readinessProbe, startupProbe } of pod.containers) {
        expect(livenessProbe, `${name} ${container}`).toBeDefined();
        expect(readinessProbe, `${name} ${container}`).toBeDefined();
        for (const probe of [livenessProbe, readinessProbe, startupProbe]) {
          const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
          if (port !== undefined)
            expect(
              ports.map((one) => one.name),
              `${name} ${container}`,
            ).toContain(port);
        }
      }
    }
    const budgets = manifests.filter(({ kind }) => kind === 'PodDisruptionBudget') as IPodDisruptionBudget[];
    expect(budgets.flatMap(({ spec }) => chosen(spec?.selector?.matchLabels).map(({ name }) => name)).sort()).toEqual(
      workloads.map(({ name }) => name).sort(),
    );
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy') as INetworkPolicy[];
    for (const { name, labels } of workloads) {
      const its = policies.filter(({ spec }) => chooses(spec?.podSelector?.matchLabels, labels));
      const types = its.flatMap(({ spec }) => spec?.policyTypes ?? []);
      expect(types, name).toEqual(expect.arrayContaining(['Ingress', 'Egress']));
    }
    // Who names a port of ours by its name names one that the chosen pods have.
    for (const { metadata, spec } of policies) {
      for (const workload of chosen(spec?.podSelector?.matchLabels)) {
        for (const { port } of (spec?.ingress ?? []).flatMap(({ ports = [] }) => ports)) {
          if (typeof port !== 'string') continue;
          expect(
            portsOf(workload).map(({ name }) => name),
            `${metadata?.name} ${port}`,
          ).toContain(port);
        }
      }
    }
  });

  test('hardens every pod of ours', () => {
    const faults = workloadsIn(manifests).flatMap(({ name, pod }) => faultsOf(pod).map((fault) => `${name}: ${fault}`));
    expect(faults).toEqual([]);
    const bare = faultsOf({ containers: [{ name: 'bare', image: 'bare' }] });
    expect(bare).toHaveLength(12);
  });

  test('gives a pod longer to end than a service takes', () => {
    for (const service of SERVICES) {
      const pod = podOf(deploymentsIn(manifests).find(({ metadata }) => metadata?.name === service));
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(DEFAULT_SHUTDOWN_DEADLINE / 1_000 + 2);
    }
  });

  test('holds no secret, and the document says how each of those is made that it refers to', () => {
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const named = [...JSON.stringify(manifests).matchAll(/"secret(?:Key)?Ref":\{[^}]*"name":"([^"]+)"/g)].map(
      ([, name]) => name,
    );
    const document = read('docs/operating/kubernetes.md');
    for (const name of new Set(named)) expect(document, name).toContain(`\`${name}\``);
  });
});

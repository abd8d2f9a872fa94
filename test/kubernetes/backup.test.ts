import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENVIRONMENT, parsePipeline, postgresServers } from '@tributary/shared';
import type { ICronJob } from 'kubernetes-models/batch/v1/CronJob';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';
import { afterAll, describe, expect, test } from 'vitest';
import { readRedisUrl } from '../../shared/src/redis/url.js';
import { BACKUP_VARIABLES } from '../../tributary/src/cli/backup.js';
import { read } from '../docs/documents.js';
import { searchPath } from '../services/binaries.js';
import { configMapsIn, environmentOf, SECRETS } from './support/environment.js';
import { faultsOf } from './support/hardening.js';
import {
  chooses,
  cronJobsIn,
  deploymentsIn,
  kubectl,
  manifestFiles,
  OVERLAYS,
  renderOverlay,
} from './support/manifests.js';

const folder = mkdtempSync(join(tmpdir(), 'tributary-backup-job-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const podOf = (job: ICronJob | undefined): IPodSpec => job?.spec?.jobTemplate.spec?.template.spec ?? { containers: [] };

const EXAMPLE = { BLOG_TOKEN: 'token-of-the-example' };
const PROTECTIONS = { PRIVACY_HASH_KEY: 'a-key-of-32-characters-or-more!!' };

describe.skipIf(kubectl === undefined).each(OVERLAYS)('the backup of the overlay %s', (overlay) => {
  const manifests = kubectl === undefined ? [] : renderOverlay(overlay);
  const configMaps = configMapsIn(manifests);
  const secrets = { ...SECRETS[overlay], 'tributary-endpoints': EXAMPLE, 'tributary-protections': PROTECTIONS };
  const job = cronJobsIn(manifests).find(({ metadata }) => metadata?.name === 'backup');
  const pod = podOf(job);
  const [container = { name: '' }] = pod.containers;
  const env = environmentOf(container, configMaps, secrets);

  test('waits until somebody wants it, and is no more than restricted', () => {
    expect(job?.spec).toMatchObject({ suspend: true, concurrencyPolicy: 'Forbid' });
    expect(pod.containers).toHaveLength(1);
    expect(faultsOf(pod)).toEqual([]);
  });

  test('has what the command reads, and no key of protected fields', () => {
    const sink = env.SINK;
    for (const name of BACKUP_VARIABLES) {
      if (name !== 'POSTGRES_URL' || sink === 'postgres') expect(env[name], name).toBeTruthy();
    }
    const own = Object.keys(env).filter((name) => !Object.hasOwn(EXAMPLE, name) && name !== 'REDIS_PASSWORD');
    expect(own.filter((name) => !Object.hasOwn(ENVIRONMENT, name))).toEqual([]);
    expect(own.filter((name) => name.startsWith('PRIVACY_'))).toEqual([]);
    for (const url of (env.AMQP_URL ?? '').split(',')) expect(new URL(url).protocol).toMatch(/^amqps?:$/);
    expect(readRedisUrl(env.REDIS_URL ?? '').server).toMatch(/^rediss?(\+sentinel)?:\/\/[^/]+(\/tributary\/0)?$/);
    if (sink === 'postgres') expect(postgresServers(env.POSTGRES_URL ?? '')).toHaveLength(1);
    else expect(env.OUTPUT_DIR).toBe('/output');
  });

  test('has the pipeline file, the audit log and the output of the services', () => {
    const volumeOf = (path: string) => {
      const mount = container.volumeMounts?.find(({ mountPath }) => mountPath === path);
      const { name: _, ...volume } = pod.volumes?.find(({ name }) => name === mount?.name) ?? { name: '' };
      return { volume, writable: mount?.readOnly !== true };
    };
    const services = deploymentsIn(manifests).map(({ spec }) => spec?.template.spec?.volumes ?? []);
    const { volume } = volumeOf('/etc/tributary');
    expect(services.flat()).toContainEqual({ name: 'pipeline', ...volume });
    const text = configMaps[volume.configMap?.name ?? '']?.['pipeline.yaml'] ?? '';
    expect(() => parsePipeline(text, env, 'pipeline.yaml')).not.toThrow();
    for (const path of ['/audit', ...(env.SINK === 'csv' ? ['/output'] : [])]) {
      expect(volumeOf(path).writable, path).toBe(true);
      expect(services.flat(), path).toContainEqual({ name: path.slice(1), ...volumeOf(path).volume });
    }
    expect(env.AUDIT_LOG).toBe('/audit/actions.jsonl');
    expect(volumeOf('/backup')).toEqual({ volume: { persistentVolumeClaim: { claimName: 'backup' } }, writable: true });
    const claims = manifests
      .filter(({ kind }) => kind === 'PersistentVolumeClaim')
      .map(({ metadata }) => metadata.name);
    for (const { persistentVolumeClaim: claim } of pod.volumes ?? [])
      if (claim) expect(claims).toContain(claim.claimName);
  });

  test('runs where the volume of the audit log is, and reaches the servers', () => {
    const [term] = pod.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const beside = deploymentsIn(manifests).filter(({ spec }) =>
      chooses(term?.labelSelector?.matchLabels, spec?.template.metadata?.labels),
    );
    expect(beside.map(({ metadata }) => metadata?.name)).toEqual(['dashboard']);
    const labels = job?.spec?.jobTemplate.spec?.template.metadata?.labels;
    const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy') as INetworkPolicy[];
    const its = policies.filter(({ spec }) => chooses(spec?.podSelector?.matchLabels, labels));
    expect(its.map(({ metadata }) => metadata?.name).sort()).toEqual(['deny-all', 'names-and-servers']);
  });
});

describe('the command of the backup', () => {
  const [job] = cronJobsIn(manifestFiles().get('base/backup.yaml') ?? []);
  const [command = '', ...args] = podOf(job).containers[0]?.command ?? [];
  const backups = join(folder, 'backups');

  /** Runs it with `tributary` and /backup in their place. @returns the folders that are there afterwards */
  function runWith(script: string): string[] {
    writeFileSync(join(folder, 'tributary'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const own = args.map((arg) => arg.replaceAll('/backup', backups));
    execFileSync(command, own, { env: { PATH: `${folder}:${searchPath}` }, stdio: 'pipe' });
    return readdirSync(backups).sort();
  }

  const old = (name: string, days: number) => {
    mkdirSync(join(backups, name), { recursive: true });
    writeFileSync(join(backups, name, 'manifest.json'), '{}');
    const then = Date.now() / 1_000 - days * 86_400;
    utimesSync(join(backups, name), then, then);
  };

  test('names each by its moment, and keeps seven days of them once there is a new one', () => {
    old('eight-days', 8);
    old('six-days', 6);
    const names = runWith('[ "$1" = backup ] && mkdir "$2"');
    expect(names.filter((name) => name.endsWith('-days'))).toEqual(['six-days']);
    expect(names).toHaveLength(2);
    expect(names[0]).toMatch(/^\d{4}-\d{2}-\d{2}T\d{6}$/);
  });

  test('removes nothing where there is no new one', () => {
    old('eight-days', 8);
    expect(() => runWith('exit 1')).toThrow();
    expect(existsSync(join(backups, 'eight-days'))).toBe(true);
  });

  test('is one that the image has', () => {
    expect(read('Dockerfile')).toMatch(/^FROM manifests AS tools$[\s\S]*\/usr\/local\/bin\/tributary/m);
  });
});

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type Crm, startCrm } from '../end-to-end/support/crm.js';
import { eventually } from '../end-to-end/support/eventually.js';
import { demoPipeline } from '../end-to-end/support/pipeline-file.js';
import { publish } from '../end-to-end/support/servers.js';
import { startService, untilReady } from '../end-to-end/support/services.js';
import { useStage } from '../end-to-end/support/stage.js';
import { manifestFiles } from '../kubernetes/support/manifests.js';
import { type PrivatePrometheus, startPrivatePrometheus } from '../services/prometheus.js';
import { startPrivateRabbitMQ } from '../services/rabbitmq.js';
import { metricNames, readPanels, readQueries, rulesFile } from './support/queries.js';

const stage = useStage();
let exposed: string[];
let crm: Crm;
let prometheus: PrivatePrometheus;

const say = () => {};

beforeAll(async () => {
  const rabbitmq = await startPrivateRabbitMQ(say, { measured: true });
  stage.atEnd('RabbitMQ', () => rabbitmq.stop());
  const servers = { amqpUrl: rabbitmq.url, redisUrl: inject('redisUrl') };
  const started = await startCrm(stage);
  crm = started.crm;
  const pipeline = demoPipeline(stage, servers);
  const env = {
    AMQP_URL: servers.amqpUrl,
    REDIS_URL: servers.redisUrl,
    CRM_URL: crm.url,
    PIPELINE: pipeline.file,
    OUTPUT_DIR: stage.path('output'),
    AUDIT_LOG: stage.path('audit/actions.jsonl'),
    // Longer than from one look of Prometheus to the next: what waits for its batch has a series only while it waits.
    BATCH_INTERVAL: '3s',
    POLL_INTERVAL: '1s',
  };
  const [producer, consumer, dashboard] = await Promise.all([
    startService(stage, 'producer', env),
    startService(stage, 'consumer', env),
    startService(stage, 'dashboard', env),
  ]);
  const hosts = { producer, consumer, dashboard, 'mock-api': started.service };
  const targets = Object.fromEntries(Object.entries(hosts).map(([job, { url }]) => [job, [new URL(url).host]]));
  prometheus = await startPrivatePrometheus(
    { folder: dirname(rulesFile), targets: { ...targets, rabbitmq: [rabbitmq.metrics ?? ''] } },
    say,
  );
  stage.atEnd('Prometheus', () => prometheus.stop());
  for (const service of [producer, consumer, dashboard]) await untilReady(service);
  const texts = await Promise.all(Object.values(hosts).map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  exposed = texts.flatMap((text) => [...text.matchAll(/^# TYPE (tributary_\w+)/gm)].map(([, name = '']) => name));
  // What is counted by its kind has a series once it has happened: a record that is none, requests that are tried again, polls that fail.
  await publish(servers.amqpUrl, pipeline.name, 'customer', Buffer.from('no record'));
  await crm.misbehave({ status: { 503: 0.5 } });
  await prometheusHas('tributary_poll_retries_total');
  await crm.misbehave({ status: { 400: 1 } });
  await prometheusHas('tributary_poll_failures_total');
  await crm.misbehave({});
  await crm.change(20);
});

const prometheusHas = (expr: string) =>
  eventually(async () => expect(await prometheus.query(expr), expr).not.toEqual([]));

const scaled = () =>
  ['consumer', 'producer'].flatMap((name) =>
    ((manifestFiles().get(`components/keda/${name}.yaml`) ?? []) as IScaledObject[]).flatMap(({ spec }) =>
      (spec?.triggers ?? []).map((trigger) => ({ panel: `KEDA ${name}`, expr: String(trigger.metadata.query) })),
    ),
  );

test('the dashboard asks for nothing that no service exposes', () => {
  const asked = readQueries().flatMap(({ panel, expr }) => metricNames(expr).map((name) => ({ panel, name })));
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter(({ name }) => !exposed.includes(name))).toEqual([]);
});

test('the alerts ask for nothing that no service exposes', () => {
  const asked = metricNames(readFileSync(rulesFile, 'utf8'));
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((name) => !exposed.includes(name))).toEqual([]);
});

describe('Prometheus, which reads the services as it does in docker compose, has a series for', () => {
  test.each(readQueries())('$panel: $expr', async ({ expr }) => {
    await eventually(async () => {
      // So few in a second that they wait for their batch.
      await crm.change(1);
      expect(await prometheus.query(expr), expr).not.toEqual([]);
    }, 500);
  });

  test.each(scaled())('$panel, exactly one: $expr', async ({ expr }) => {
    await eventually(async () => {
      const samples = await prometheus.query(expr);
      expect(samples).toHaveLength(1);
      expect(Number(samples[0]?.value[1])).toBeGreaterThanOrEqual(0);
    });
  });

  test('what KEDA asks for, by the namespace of the overlays, and none for another', async () => {
    for (const { expr } of scaled()) {
      expect(expr).toContain('{namespace="tributary"}');
      const elsewhere = await prometheus.query(expr.replaceAll('namespace="tributary"', 'namespace="another"'));
      // The count of what is late says 0 there.
      expect(elsewhere.filter(({ value }) => value[1] !== '0')).toEqual([]);
    }
  });
});

test('the panels of the dashboard lie beside each other, each with an id of its own', () => {
  const panels = readPanels();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { id, title, gridPos: a } of panels) {
    expect(a.x + a.w, title).toBeLessThanOrEqual(24);
    const covered = panels.filter(({ id: other, gridPos: b }) => {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      return other !== id && !apart;
    });
    expect(covered, title).toEqual([]);
  }
});

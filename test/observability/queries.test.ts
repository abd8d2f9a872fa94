import { readFileSync } from 'node:fs';
import { beforeAll, expect, inject, test } from 'vitest';
import { startCrm } from '../end-to-end/support/crm.js';
import { demoPipeline } from '../end-to-end/support/pipeline-file.js';
import { startService, untilReady } from '../end-to-end/support/services.js';
import { useStage } from '../end-to-end/support/stage.js';
import { metricNames, readPanels, readQueries, rulesFile } from './support/queries.js';

const stage = useStage();
let exposed: string[];

beforeAll(async () => {
  const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
  const { crm, service: api } = await startCrm(stage);
  const { file } = demoPipeline(stage, servers);
  const env = {
    AMQP_URL: servers.amqpUrl,
    REDIS_URL: servers.redisUrl,
    CRM_URL: crm.url,
    PIPELINE: file,
    OUTPUT_DIR: stage.path('output'),
    BATCH_INTERVAL: '500ms',
  };
  const others = await Promise.all(
    (['producer', 'consumer', 'dashboard'] as const).map((name) => startService(stage, name, env)),
  );
  for (const service of others) await untilReady(service);
  const texts = await Promise.all([api, ...others].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  exposed = texts.flatMap((text) => [...text.matchAll(/^# TYPE (tributary_\w+)/gm)].map(([, name = '']) => name));
});

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

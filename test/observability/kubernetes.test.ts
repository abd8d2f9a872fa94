import { expect, inject, test } from 'vitest';
import { demoPipeline } from '../end-to-end/support/pipeline-file.js';
import { startService } from '../end-to-end/support/services.js';
import { useStage } from '../end-to-end/support/stage.js';
import { configMapsIn, environmentOf, SECRETS } from '../kubernetes/support/environment.js';
import { deploymentsIn, manifestFiles } from '../kubernetes/support/manifests.js';
import { freePort } from '../services/ports.js';

const stage = useStage();

/** What docker and Kubernetes ask a container by. */
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

test.each(['producer', 'consumer', 'dashboard'] as const)(
  'a %s with the environment of its manifest answers the probes of it, and Prometheus with the token',
  async (name) => {
    const servers = { amqpUrl: inject('amqpUrl'), redisUrl: inject('redisUrl') };
    const manifests = manifestFiles().get(`base/${name}.yaml`) ?? [];
    const [container] = deploymentsIn(manifests)[0]?.spec?.template.spec?.containers ?? [];
    if (container === undefined) throw new Error('no container');
    const secrets = {
      ...SECRETS.external,
      'tributary-servers': { AMQP_URL: servers.amqpUrl, REDIS_URL: servers.redisUrl },
    };
    const settings = { ...configMapsIn(manifests), 'tributary-settings': {} };
    const { PORT: _port, ...env } = environmentOf(container, settings, secrets);
    const pipeline = demoPipeline(stage, servers);
    const service = await startService(stage, name, {
      ...env,
      // Of this machine: a port that is free, files that are there, and 127.0.0.1 alone; who may read is still as in a container.
      HOST: '127.0.0.1',
      PUBLISHED_ON: '0.0.0.0',
      ...(env.WEBHOOK_PORT === undefined ? {} : { WEBHOOK_PORT: String(await freePort()) }),
      ...(env.AUDIT_LOG === undefined ? {} : { AUDIT_LOG: stage.path(`${name}/actions.jsonl`) }),
      PIPELINE: pipeline.file,
      OUTPUT_DIR: stage.path('output'),
    });
    for (const probe of PROBES) {
      const { status } = await fetch(`${service.url}${container[probe]?.httpGet?.path}`);
      expect([200, 503], `${probe} is answered`).toContain(status);
    }
    expect((await fetch(`${service.url}/metrics`)).status, 'nobody reads without a token').toBe(401);
    const headers = { authorization: `Bearer ${env.READ_TOKEN}` };
    const metrics = await fetch(`${service.url}/metrics`, { headers });
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toContain('tributary_');
  },
);

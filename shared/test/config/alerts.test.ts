import { describe, expect, it } from 'vitest';
import { type ConfigError, parsePipeline } from '../../src/index.js';

const file = (alerts: string) => `
entities:
  customer: { dataset: customers, queue: customer_data, key: id, fields: { id: string } }
endpoints:
  one: { url: "http://127.0.0.1:1/one", entity: customer }
alerts:
${alerts}`;
const URL_OF_SLACK = 'https://hooks.slack.example/services/T0A1B2C3D/B0A1B2C3D/abcdefghijklmnop';
const ENV = { CHAT: URL_OF_SLACK, MAIL: 'smtp://ops:very-secret@mail.example:587', SIGN: 'short' };

function faultsOf(alerts: string): string[] {
  try {
    parsePipeline(file(alerts), ENV, 'x.yaml');
    return [];
  } catch (error) {
    return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`);
  }
}

describe('alerts in the pipeline file', () => {
  it('have usual values', () => {
    const { alerts } = parsePipeline(
      file(
        `  rules: { fresh: { when: freshness, olderThan: 1h } }\n  channels: { chat: { type: slack, url: "\${CHAT}" } }`,
      ),
      ENV,
      'x.yaml',
    );
    expect(alerts.rules.fresh).toEqual({
      when: 'freshness',
      olderThan: 3_600_000,
      for: 60_000,
      resolveAfter: 60_000,
      gather: 30_000,
      repeat: 14_400_000,
    });
    expect(parsePipeline(file('  {}'), ENV, 'x.yaml').alerts).toEqual({ rules: {}, channels: {} });
  });

  it.each([
    [
      '  rules: { a: { when: freshness, olderThan: 1h, datasets: [customer] } }',
      'alerts.rules.a.datasets.0: no dataset "customer": expected one of customers',
    ],
    [
      '  rules: { a: { when: freshness, olderThan: 1h, datasets: [by_id] } }\naggregates: { by_id: { from: customers, by: [id], metrics: { rows: count } } }',
      'alerts.rules.a.datasets.0: "by_id" is an aggregate, whose rows are written when a group changes: watch "customers", of which it is made',
    ],
    [
      '  rules: { a: { when: endpoint-failing, endpoints: [two] } }',
      'alerts.rules.a.endpoints.0: no endpoint "two": expected one of one',
    ],
    [
      '  rules: { a: { when: dead-letters, queues: [x] } }',
      'alerts.rules.a.queues.0: no queue "x": expected one of customer_data',
    ],
    [
      '  rules: { a: { when: backlog } }',
      'alerts.rules.a: expected records, wait, or both: nothing says when too many records wait',
    ],
    [
      '  rules: { a: { when: backlog, records: 1, to: [chat] } }',
      'alerts.rules.a.to.0: no channel "chat": the file has none',
    ],
    [
      '  rules: { a: { when: gone, service: rabbitmq, atLeast: 2 } }',
      'alerts.rules.a.atLeast: the dashboard has one connection to RabbitMQ: leave atLeast out',
    ],
    [
      '  rules: { a: { when: gone, service: redis } }',
      'alerts.rules.a.service: "redis" is not valid: expected producer, consumer or rabbitmq',
    ],
    [
      '  rules: { a: { when: freshness, olderThan: 30 } }',
      'alerts.rules.a.olderThan: 30 is not valid: expected a duration with its unit, such as 500ms, 30s, 5m, 12h or 7d',
    ],
  ])('are checked: %s', (alerts, fault) => {
    expect(faultsOf(alerts)).toEqual([fault]);
  });

  it.each([
    ['a URL of Slack', `{ type: slack, url: "x\${CHAT}" }`],
    ['a mail server', `{ type: email, server: "x\${MAIL}", from: a@b.c, to: [a@b.c] }`],
    ['a short secret', `{ type: webhook, url: "http://x.example", secret: "\${SIGN}" }`],
    ['a secret in the file', '{ type: webhook, url: "http://x.example", secret: "short" }'],
    ['a channel where a rule stands', `{ type: "\${CHAT}" }`],
  ])('show nothing secret in a fault: %s', (_what, channel) => {
    const faults = faultsOf(`  channels: { it: ${channel} }`).join('\n');
    expect(faults).not.toBe('');
    for (const secret of ['abcdefghijklmnop', 'T0A1B2C3D', 'very-secret', 'short'])
      expect(faults.replace('expected a secret', '')).not.toContain(secret);
  });
});

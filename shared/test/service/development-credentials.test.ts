import { expect, it } from 'vitest';
import { createLogger, warnOfDevelopmentCredentials } from '../../src/index.js';

/** What is told in an environment, as one text. */
function told(env: Record<string, string>): string {
  let text = '';
  const write = (line: string) => {
    text += line;
  };
  warnOfDevelopmentCredentials(env, createLogger({ service: 'consumer', instance: 'host-1' }, { write }));
  return text;
}

const production = { NODE_ENV: 'production' };

it('names the variables whose password is that of the compose file, and does not tell the password', () => {
  const text = told({
    ...production,
    AMQP_URL: 'amqp://tributary:tributary@rabbitmq:5672',
    POSTGRES_URL: 'postgres://someone:change-me@postgres:5432/db',
    REDIS_URL: 'redis://redis:6379',
  });
  expect(JSON.parse(text)).toMatchObject({ level: 'warn', variables: ['AMQP_URL', 'POSTGRES_URL'] });
  expect(text).not.toContain('change-me');
});

it('looks at every node of a cluster', () => {
  const AMQP_URL = 'amqp://app:long-and-own@rabbitmq-1:5672, amqp://guest:guest@rabbitmq-2:5672';
  expect(told({ ...production, AMQP_URL })).toContain('AMQP_URL');
});

it('is silent about passwords of your own, about none, and about what is no URL', () => {
  expect(told({ ...production, AMQP_URL: 'amqp://app:long-and-own@rabbitmq:5672', REDIS_URL: 'redis://redis' })).toBe(
    '',
  );
  expect(told({ ...production, AMQP_URL: 'tributary:tributary' })).toBe('');
});

it('is silent outside production', () => {
  expect(told({ AMQP_URL: 'amqp://guest:guest@127.0.0.1:5672' })).toBe('');
});

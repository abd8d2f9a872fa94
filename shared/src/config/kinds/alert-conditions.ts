import { z } from 'zod';
import { duration, name, someText } from '../values.js';
import { choiceOf, type KindTable } from './table.js';

/** Services whose absence can be told. */
export const WATCHED_SERVICES = ['producer', 'consumer', 'rabbitmq'] as const;

/** What can be wrong. How each is judged: dashboard/src/alerts/conditions/. */
export const ALERT_CONDITIONS = {
  freshness: {
    words: 'A dataset has no row that is newer than a given time',
    settings: {
      datasets: z.array(name).min(1).optional().describe('The datasets; all of them unless given'),
      olderThan: duration.describe(
        'How old the newest row is at least. A row is written when a record has changed, so a source that changes rarely has old rows without a fault',
      ),
    },
  },
  'endpoint-failing': {
    words: 'Polls of an endpoint fail. Endpoints of one host that fail together are one message',
    settings: {
      endpoints: z
        .array(someText)
        .min(1)
        .optional()
        .describe('The endpoints; all that are enabled and not paused unless given'),
      failures: z
        .int()
        .min(1)
        .max(1_000)
        .default(1)
        .describe('Failed polls in a row; a poll that is being tried again counts as one'),
    },
  },
  'dead-letters': {
    words: 'Records could not be written',
    settings: {
      queues: z
        .array(someText)
        .min(1)
        .optional()
        .describe('The queues whose dead letters count, each for itself; all unless given'),
      moreThan: z.int().min(0).max(100_000_000).default(0).describe('The alert fires for more dead letters than this'),
      within: duration
        .optional()
        .describe('Only dead letters that came within this time count; without it, all that lie there'),
    },
  },
  backlog: {
    words: 'Records wait in a queue',
    settings: {
      queues: z.array(someText).min(1).optional().describe('The queues, each for itself; all unless given'),
      records: z.int().min(1).optional().describe('How many records wait at least'),
      wait: duration
        .optional()
        .describe(
          'How long a record that comes now would wait at least: the records that wait by those that consumers take in a second. Where they take none it is for ever',
        ),
    },
  },
  gone: {
    words: 'A service does not answer',
    settings: {
      service: z.enum(WATCHED_SERVICES, { error: 'expected producer, consumer or rabbitmq' }).describe('The service'),
      atLeast: z.int().min(1).max(1_000).default(1).describe('How many instances should answer'),
    },
  },
} as const satisfies KindTable;

export type AlertConditionKind = keyof typeof ALERT_CONDITIONS;

/** What every rule has, whatever its condition. */
const common = {
  for: duration.prefault('1m').describe('How long the condition holds before the alert fires'),
  resolveAfter: duration
    .prefault('1m')
    .describe('How long the condition does not hold before the alert is over: one that comes and goes is one alert'),
  gather: duration
    .prefault('30s')
    .describe(
      'How long the first message waits for others that fire together. What joins later is told together too, at most each ten times this',
    ),
  repeat: duration.prefault('4h').describe('How often an alert that goes on is told again'),
  to: z.array(name).min(1).optional().describe('The channels that are told; all of them unless given'),
};

export const alertRuleSchema = choiceOf(ALERT_CONDITIONS, { by: 'when', common });

import { redisPrefix } from '@tributary/shared';

/**
 * What becomes of a key of a pipeline in Redis, by the first word of its name:
 *
 * - `before`: how far the endpoints came. It is read before the output is copied: what they had brought by then is in the output, or is told
 *   by the publications that are open. An output that is older than a cursor would lack records for ever.
 * - `open`: what is on its way from a producer to the output, and the copies of events of webhooks that are.
 * - `after`: which keys an endpoint brought, and what only grows. It is read after the output is copied: a key that is known too much does
 *   no harm, and a deletion of one that is not known would never be told.
 * - `left`: what services make again: the ledger from the output, leases, and what is true of a moment only. Tokens of APIs are secrets; a restore leaves those alone that are there.
 */
const KINDS = {
  cursor: 'before',
  reset: 'before',
  'sink-generation': 'before',
  states: 'before',
  publications: 'open',
  settled: 'open',
  'hook-copies': 'open',
  keys: 'after',
  run: 'after',
  time: 'after',
  'publications-noted': 'after',
  paused: 'after',
  runs: 'after',
  alerts: 'after',
  'alert-silences': 'after',
  'export-runs': 'after',
  epoch: 'left',
  rebuilds: 'left',
  'rebuild-lock': 'left',
  deployment: 'left',
  'retention-done': 'left',
  'retention-begun': 'left',
  services: 'left',
  producers: 'left',
  leases: 'left',
  asked: 'left',
  holding: 'left',
  'seen-again': 'left',
  buried: 'left',
  'buried-gone': 'left',
  forgotten: 'left',
  strikes: 'left',
  tokens: 'left',
  'token-lock': 'left',
  'alerts-holder': 'left',
  'export-lease': 'left',
  daily: 'left',
  probe: 'left',
  restoring: 'left',
} as const;

export type KeptWhen = (typeof KINDS)[keyof typeof KINDS];

/** What the ledger of an epoch is named by: it is rebuilt from the output. Its last digits are drawn by chance. */
const OF_AN_EPOCH = /[0-9a-f]{12}$/;

/** @returns undefined for a key that this version knows nothing of */
export function keptWhen(pipeline: string, key: string): KeptWhen | undefined {
  const kind = key.slice(redisPrefix(pipeline).length).split(':', 1)[0] ?? '';
  if (Object.hasOwn(KINDS, kind)) return KINDS[kind as keyof typeof KINDS];
  return OF_AN_EPOCH.test(kind) ? 'left' : undefined;
}

import type { Answer } from '../sources/rest/fetch.js';
import type { Draft } from './draft.js';

/** What the headers of an answer tell of a rate limit, if they tell both of its parts: how many requests, and in which time. */
export function limitsIn({ headers }: Pick<Answer, 'headers'>, url: string): Draft['limits'] {
  const policy = headers['ratelimit-policy'] ?? headers.ratelimit ?? headers['ratelimit-limit'] ?? '';
  const quota = /\bq=(\d+)/.exec(policy)?.[1] ?? /^\s*(\d+)/.exec(policy)?.[1];
  const window = /\bw=(\d+)/.exec(policy)?.[1];
  const hour = headers['x-ratelimit-limit-hour'];
  const minute = headers['x-ratelimit-limit-minute'] ?? headers['x-rate-limit-limit-minute'];
  const second = headers['x-ratelimit-limit-second'];
  const [requests, seconds] =
    quota !== undefined && window !== undefined
      ? [quota, window]
      : second !== undefined
        ? [second, 1]
        : minute !== undefined
          ? [minute, 60]
          : [hour, 3_600];
  const rate = Number(requests) / Number(seconds);
  if (requests === undefined || !(rate > 0) || !URL.canParse(url)) return undefined;
  const perSecond = Math.min(Math.max(Number(rate.toPrecision(2)), 0.001), 1_000);
  return {
    host: new URL(url).host,
    requestsPerSecond: perSecond,
    reason: `the API tells of ${requests} requests in ${seconds} s`,
  };
}

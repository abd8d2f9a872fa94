/** The types of Redis, as TYPE names them; `none` for a key that is not there. */
export type KeyType = 'string' | 'hash' | 'set' | 'zset' | 'stream' | 'none';

/** What a pipeline keeps under a key, and what to know when the key is removed because another program has overwritten it. */
export interface KeptKey {
  readonly type: KeyType;
  /** What becomes of it after DEL, in words. */
  readonly after: string;
  /** Whether the consumers bring it back by themselves, because all of it can be made again from the output. */
  readonly isMended?: true;
}

const LEDGER = {
  after: 'the consumers rebuild the ledger from the output by themselves; do not remove it by hand',
  isMended: true,
} as const;

const SCHEDULE = 'the endpoints are polled at once, and by their schedules from then on';
const MADE_AGAIN = 'it is made again within seconds';
const DEAD_LETTERS = 'a bad record that comes again gets a letter again';
const LOSSES = 'what RabbitMQ loses of what was published until then is not noticed: reset the endpoints if in doubt';

/** By how the key begins behind the pipeline's prefix; the first that fits counts. */
const KEPT: readonly (readonly [form: RegExp, kept: KeptKey])[] = [
  [/^epoch$/, { type: 'string', ...LEDGER }],
  [/^rebuilds$/, { type: 'hash', ...LEDGER }],
  [/^rebuild-lock$/, { type: 'string', after: MADE_AGAIN }],
  [/^deployment:/, { type: 'string', after: MADE_AGAIN }],
  [/^restoring$/, { type: 'string', after: 'run npx tributary restore once more: services begin without its end' }],
  [/^probe$/, { type: 'none', after: 'nothing is lost' }],
  [/^services$/, { type: 'hash', after: MADE_AGAIN }],
  [/^holding$/, { type: 'hash', after: MADE_AGAIN }],
  [/^publications$/, { type: 'hash', after: LOSSES }],
  [/^publications-noted$/, { type: 'string', after: MADE_AGAIN }],
  [/^settled:/, { type: 'string', after: 'its records count as lost, and are polled again' }],
  [/^sink-generation$/, { type: 'string', after: 'every endpoint is polled in full' }],
  [/^(reset|cursor):/, { type: 'string', after: 'the endpoint is polled in full' }],
  [/^run:/, { type: 'string', after: 'runs are counted from 1 again' }],
  [/^time$/, { type: 'string', after: MADE_AGAIN }],
  [/^keys:/, { type: 'hash', after: 'what the API deletes until the next poll over everything stays in the output' }],
  [/^(producers|leases)$/, { type: 'hash', after: MADE_AGAIN }],
  [/^paused$/, { type: 'hash', after: 'no endpoint is paused any more: pause again those that should be' }],
  [/^asked$/, { type: 'hash', after: 'what was asked for and not done yet has to be asked for again' }],
  [/^states$/, { type: 'hash', after: SCHEDULE }],
  [/^tokens$/, { type: 'hash', after: 'refresh tokens that the settings cannot obtain are gone: log in again' }],
  [/^token-lock:/, { type: 'string', after: MADE_AGAIN }],
  [/^runs:/, { type: 'zset', after: 'the dashboard knows nothing of the runs until then' }],
  [/^export-lease:/, { type: 'string', after: MADE_AGAIN }],
  [
    /^export-runs:/,
    { type: 'zset', after: 'the dashboard knows nothing of the exports until then; what they wrote stays' },
  ],
  [/^seen-again$/, { type: 'stream', after: 'the dashboard knows nothing of what was dropped until then' }],
  [/^alerts$/, { type: 'string', after: 'alerts that still hold are told again' }],
  [/^alerts-holder$/, { type: 'string', after: MADE_AGAIN }],
  [/^alert-silences$/, { type: 'hash', after: 'nothing is silenced any more: silence again what should be' }],
  [/^(buried|forgotten|buried-gone):/, { type: 'string', after: DEAD_LETTERS }],
  [/^[^:]+:leases$/, { type: 'zset', ...LEDGER }],
  [/^[^:]+:(fenced|aggregators)$/, { type: 'set', ...LEDGER }],
  [/^[^:]+:aggregates$/, { type: 'string', after: MADE_AGAIN }],
  [/^[^:]+:(marks|forms|ledger:.*|merge:.*:(each|with|open))$/, { type: 'hash', ...LEDGER }],
  [/^[^:]+:merge:.*:(refs|unmerged)$/, { type: 'zset', ...LEDGER }],
];

/** @param key without the pipeline's prefix. @returns undefined for one that no service knows */
export const keptUnder = (key: string): KeptKey | undefined => KEPT.find(([form]) => form.test(key))?.[1];

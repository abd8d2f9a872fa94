import type { Redis } from 'ioredis';
import { redisPrefix } from './redis.js';

/** Why a record was dropped: its content is what was last accepted for its key, or it is older than that. */
export type Dropped = 'duplicate' | 'stale';

/** What one micro-batch dropped. */
export interface SeenAgainNote {
  readonly consumer: string;
  readonly dataset: string;
  /** The keys, by verdict. */
  readonly keys: Readonly<Record<Dropped, readonly string[]>>;
}

/** When a record of a key last came again, as far as the notes reach. Times are milliseconds since the epoch. */
export interface LastSeenAgain {
  /** Undefined if no note names the key. */
  readonly last: { readonly at: number; readonly consumer: string; readonly verdict: Dropped } | undefined;
  /** The time of the oldest note; undefined if there is none. */
  readonly since: number | undefined;
}

/**
 * Notes about records that came again and needed no row, so that the dashboard can show whether a record still comes. Nothing
 * else depends on them. They take some 5 MB at most, and the oldest are dropped first.
 */
export interface SeenAgain {
  /** Does not wait, and never fails: a note that cannot be written is lost. */
  note(note: SeenAgainNote): void;
  last(dataset: string, key: string, signal: AbortSignal): Promise<LastSeenAgain>;
}

const MOST_BYTES = 5_000_000;
/** Very long keys must not make one note as large as many: further keys are left out of it. */
const MOST_BYTES_OF_A_NOTE = 10_000;
/** Bytes that Redis needs for a note beside its text. */
const OVERHEAD = 100;
/** Notes that are read at a time, the newest first. */
const PAGE = 100;

export const seenAgainKey = (pipeline: string): string => `${redisPrefix(pipeline)}seen-again`;

/** In a stream of Redis, `seen-again`: one entry for each micro-batch that dropped something, keys as JSON. */
export function redisSeenAgain(redis: Redis, pipeline: string, most = MOST_BYTES): SeenAgain {
  const key = seenAgainKey(pipeline);
  // A stream is bounded by its number of entries, whose lengths differ: the bound follows from their usual length.
  let usual = 1_000;
  return {
    note(note) {
      const cells = encode(note);
      const length = cells.reduce((sum, cell) => sum + Buffer.byteLength(cell), OVERHEAD);
      usual += (length - usual) / 50;
      redis.xadd(key, 'MAXLEN', '~', Math.ceil(most / usual), '*', ...cells).catch(() => {});
    },
    async last(dataset, wanted, signal) {
      const [oldest] = (await redis.xrange(key, '-', '+', 'COUNT', 1)).map(([id]) => timeOf(id));
      for (let from = '+'; ; ) {
        signal.throwIfAborted();
        const entries = await redis.xrevrange(key, from, '-', 'COUNT', PAGE);
        for (const [id, cells] of entries) {
          const seen = readNote(cells, dataset, wanted);
          if (seen !== undefined) return { last: { at: timeOf(id), ...seen }, since: oldest };
        }
        const [last] = entries.at(-1) ?? [];
        if (last === undefined || entries.length < PAGE) return { last: undefined, since: oldest };
        from = `(${last}`;
      }
    },
  };
}

/** In memory: for tests. */
export function memorySeenAgain(now: () => number, kept = 500): SeenAgain {
  const notes: { readonly at: number; readonly cells: readonly string[] }[] = [];
  return {
    note(note) {
      notes.push({ at: now(), cells: encode(note) });
      notes.splice(0, notes.length - kept);
    },
    async last(dataset, wanted) {
      const found = notes.findLast(({ cells }) => readNote(cells, dataset, wanted) !== undefined);
      const seen = found && readNote(found.cells, dataset, wanted);
      return { last: seen && { at: found.at, ...seen }, since: notes[0]?.at };
    },
  };
}

/** An entry's id begins with its time. */
const timeOf = (id: string): number => Number.parseInt(id, 10);

const VERDICTS: readonly Dropped[] = ['duplicate', 'stale'];

/** Names and values alternate, as in an entry of a stream. */
function encode({ consumer, dataset, keys }: SeenAgainNote): string[] {
  let room = MOST_BYTES_OF_A_NOTE;
  const fits = (one: string) => {
    room -= Buffer.byteLength(one) + 3;
    return room >= 0;
  };
  const lists = VERDICTS.filter((verdict) => keys[verdict].length > 0);
  return [
    'consumer',
    consumer,
    'dataset',
    dataset,
    ...lists.flatMap((verdict) => [verdict, JSON.stringify(keys[verdict].filter(fits))]),
  ];
}

function readNote(cells: readonly string[], dataset: string, key: string) {
  const [, consumer = '', , of] = cells;
  if (of !== dataset) return undefined;
  // The list holds each key as JSON text, so a list without this text need not be parsed.
  const text = JSON.stringify(key);
  for (let at = 4; at < cells.length; at += 2) {
    const verdict = VERDICTS.find((one) => one === cells[at]);
    const list = cells[at + 1] ?? '';
    if (verdict === undefined || !list.includes(text)) continue;
    if ((JSON.parse(list) as string[]).includes(key)) return { consumer, verdict };
  }
  return undefined;
}

import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '@tributary/shared';
import type { Rule, Where } from './where.js';

/**
 * One key that was erased, or is being erased. It is kept with the output, not in Redis: while it is there, no record of the key is
 * accepted, and an output that goes to another Redis keeps it.
 */
export interface Erasure {
  readonly entity: string;
  /** Stands for the key: an HMAC of it. */
  readonly hash: string;
  /** The key of the HMAC, made for this output alone. Who has the output can try keys; who has only the hash cannot. */
  readonly secret: string;
  /** ISO 8601. */
  readonly askedAt: string;
  /** ISO 8601; undefined until its rows are gone. */
  readonly doneAt: string | undefined;
  /** What is to be done; undefined once it is done. Then nothing holds the key in the clear any more. */
  readonly todo: Todo | undefined;
  /** Rows that were removed (or are about to be), by the part or table that held them. */
  readonly removed: Readonly<Record<string, number>>;
}

export interface Todo {
  readonly key: string;
  readonly where: Where;
}

/** Where a sink keeps erasures, beside the rows. */
export interface Erasures {
  list(): Promise<readonly Erasure[]>;
  /** Keeps one, in the place of that with the same hash. Resolves when it is durable. */
  note(erasure: Erasure): Promise<void>;
}

/** One that is still to be done. */
export type Pending = Erasure & { readonly todo: Todo };

export const isPending = (erasure: Erasure): erasure is Pending => erasure.todo !== undefined;

export const done = (erasure: Erasure, at: number): Erasure => ({
  ...erasure,
  todo: undefined,
  doneAt: new Date(at).toISOString(),
});

const hashWith = (secret: string, entity: string, key: string): string =>
  createHmac('sha256', secret)
    .update(JSON.stringify([entity, key]))
    .digest('hex')
    .slice(0, 32);

/** What is asked for now, with the secret of those before. One of the same key that is not done yet goes on. */
export function askFor(before: readonly Erasure[], entity: string, todo: Todo, now: number): Erasure {
  const same = before.find((one) => one.entity === entity && one.hash === hashWith(one.secret, entity, todo.key));
  const secret = same?.secret ?? before[0]?.secret ?? randomBytes(32).toString('hex');
  const isGoingOn = same !== undefined && isPending(same);
  return {
    entity,
    hash: hashWith(secret, entity, todo.key),
    secret,
    askedAt: isGoingOn ? same.askedAt : new Date(now).toISOString(),
    doneAt: undefined,
    todo,
    removed: isGoingOn ? same.removed : {},
  };
}

/** The keys that no record may have any more. */
export class ErasedKeys {
  /** By entity and secret: two erasures that were the first of an output at the same moment have secrets of their own. */
  readonly #hashes = new Map<string, Map<string, Set<string>>>();

  /** Those that a sink keeps; none where it cannot erase. */
  static async of(erasures: Erasures | undefined): Promise<ErasedKeys> {
    return new ErasedKeys((await erasures?.list()) ?? []);
  }

  constructor(erasures: readonly Erasure[]) {
    for (const { entity, secret, hash } of erasures) {
      const secrets = this.#hashes.get(entity) ?? new Map<string, Set<string>>();
      this.#hashes.set(entity, secrets);
      const hashes = secrets.get(secret) ?? new Set();
      secrets.set(secret, hashes.add(hash));
    }
  }

  /** Whether any key of this entity was erased. */
  hasAny(entity: string): boolean {
    return this.#hashes.has(entity);
  }

  /** It costs an HMAC where a key of the entity was erased, and nothing otherwise. */
  has(entity: string, key: string): boolean {
    const secrets = this.#hashes.get(entity);
    if (secrets === undefined) return false;
    for (const [secret, hashes] of secrets) if (hashes.has(hashWith(secret, entity, key))) return true;
    return false;
  }
}

/** Milliseconds for which a list that was read counts as new. Who erases dead letters looks for them once more after that. */
const FRESH = 1_000;

/**
 * The keys that are erased now, not only when the session began. Nothing fences a session whose epoch is over from the dead letters, and it
 * may take some seconds until it knows. While the sink is away, the keys of before count: nothing is erased then.
 */
export function erasedNow(
  erasures: Erasures | undefined,
  before: ErasedKeys,
  clock: Pick<Clock, 'monotonic'>,
): () => Promise<ErasedKeys> {
  let last: { readonly at: number; readonly keys: Promise<ErasedKeys> } | undefined;
  return () => {
    const at = clock.monotonic();
    if (last === undefined || at - last.at >= FRESH) {
      last = { at, keys: ErasedKeys.of(erasures).catch(() => before) };
    }
    return last.keys;
  };
}

/** @throws Error if the text is not what {@link writeErasure} has written: then nobody knows which keys may not come back */
export function readErasure(text: string): Erasure {
  const found = JSON.parse(text) as Erasure;
  if (typeof found.hash !== 'string' || typeof found.secret !== 'string' || typeof found.entity !== 'string')
    throw new Error('what is kept of erased keys cannot be read');
  return found;
}

export const writeErasure = (erasure: Erasure): string => JSON.stringify(erasure);

/** The rules by which a pending erasure means rows of a dataset; none if it does not. */
export const rulesFor = ({ todo }: Pending, dataset: string): readonly Rule[] => todo.where[dataset] ?? [];

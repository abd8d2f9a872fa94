import { randomBytes } from 'node:crypto';
import { type Clock, redisPrefix } from '@tributary/shared';
import { type LedgerKeys, ledgerKeys, rebuildLockKey } from '../ledger/keys.js';
import type { LedgerRedis } from '../ledger/redis-client.js';

/** Milliseconds without a sign of the newer deployment after which the older one goes on: longer than a lease. */
const SILENT = 15_000;
/** The same if none of its writers holds a lease: they have stopped, or begin again within a moment. */
const SILENT_WITHOUT_WRITERS = 5_000;
/** Milliseconds for which Redis remembers a deployment that was seen, for its consumers that are started again. */
const REMEMBERED = 15_000;

/** The digits of the time in an epoch's name. */
const TIME_DIGITS = 9;

/** What an epoch's name tells of the deployment that it belongs to. */
interface Named {
  /** Names the configuration. */
  readonly forms: string;
  /** When the configuration came into use, in milliseconds; 0 in names of earlier versions, which do not tell it. */
  readonly since: number;
}

const NAME = new RegExp(`^(?<forms>.*?)(?<since>[0-9a-z]{${TIME_DIGITS}})?[0-9a-f]{12}$`);

export function readName(epoch: string | null | undefined): Named | undefined {
  const { forms, since } = NAME.exec(epoch?.split('.').at(-1) ?? '')?.groups ?? {};
  return forms === undefined ? undefined : { forms, since: since === undefined ? 0 : Number.parseInt(since, 36) };
}

export interface DeploymentOptions {
  readonly redis: Pick<LedgerRedis, 'get' | 'set' | 'zrange'>;
  readonly pipeline: string;
  /** Names the configuration. */
  readonly forms: string;
  readonly clock: Clock;
}

/** The epochs that Redis and the sink hold; another deployment may have begun them. */
export interface Held {
  readonly present: string | null;
  readonly entered: string | undefined;
}

/**
 * The consumers of one configuration. While a changed configuration is rolled out, consumers of the old and of the new one run side by
 * side, and a ledger can be of one configuration only. If each took it from the other, they would rebuild it in turns, and everything
 * would be polled in full each time. So the configuration that came into use last wins. Consumers of an older one wait until they are
 * stopped, or until no consumer of the newer one is there any more.
 *
 * When a configuration came into use stands in the names of its epochs, which the sink remembers too. A consumer that has worked
 * knows it for as long as it runs. For one that is started again, Redis remembers it a while. A configuration of which no consumer was
 * there for that long is new when it comes back: so it can be rolled back.
 */
export class Deployment {
  readonly #options: DeploymentOptions;
  /** When this configuration came into use, as far as this process knows. */
  #since: number | undefined;
  /** What was last seen of the newer deployment, and when that last changed. */
  #signs: { readonly text: string; readonly at: number } | undefined;

  constructor(options: DeploymentOptions) {
    this.#options = options;
  }

  /** To be called when an epoch of this configuration is entered. */
  entered(epoch: string): void {
    this.#since = readName(epoch)?.since;
    this.#signs = undefined;
  }

  /**
   * Whether consumers of a configuration that came into use later are at work.
   * @param hasLock whether this consumer holds the lock of rebuilds; otherwise the lock is a sign of another
   */
  async isOutdated(held: Held, hasLock = false): Promise<boolean> {
    const theirs = this.#otherOf(held);
    const mine = theirs === undefined ? undefined : await this.#known();
    if (theirs === undefined || mine === undefined || !this.#isBefore(mine, theirs)) return false;
    const { redis, clock } = this.#options;
    await redis.set(this.#key(this.#options.forms), String(mine), 'PX', REMEMBERED);
    const leases =
      held.present === null ? [] : await redis.zrange(this.#keys(held.present).leases, 0, -1, 'WITHSCORES');
    const isRebuilding = !hasLock && (await redis.get(rebuildLockKey(this.#options.pipeline))) !== null;
    // A lease that is renewed has another end. So nothing here depends on the clocks of other machines.
    const text = [held.present, held.entered, ...leases].join(' ');
    const now = clock.monotonic();
    if (isRebuilding || this.#signs?.text !== text) this.#signs = { text, at: now };
    return now - this.#signs.at < (leases.length === 0 ? SILENT_WITHOUT_WRITERS : SILENT);
  }

  /** Names the next epoch of this configuration. To be called before the keys of the epochs that end are removed. */
  async nameNext(prefix: string, held: Held): Promise<string> {
    const theirs = this.#otherOf(held);
    const own = readName(held.present ?? held.entered);
    const known = (await this.#known()) ?? (own?.forms === this.#options.forms ? own.since : undefined);
    const since = known ?? Math.max(this.#options.clock.now(), (theirs?.since ?? 0) + 1);
    if (theirs !== undefined && held.present !== null) await this.#remember(theirs, held.present);
    return `${prefix}${since.toString(36).padStart(TIME_DIGITS, '0')}${randomBytes(6).toString('hex')}`;
  }

  /** Writers of the other deployment were at work: those that are started again within a moment are not new. */
  async #remember({ forms, since }: Named, epoch: string): Promise<void> {
    const { redis } = this.#options;
    const leases = await redis.zrange(this.#keys(epoch).leases, 0, 0, 'WITHSCORES');
    if (leases.length > 0) await redis.set(this.#key(forms), String(since), 'PX', REMEMBERED);
  }

  async #known(): Promise<number | undefined> {
    if (this.#since !== undefined) return this.#since;
    const remembered = await this.#options.redis.get(this.#key(this.#options.forms));
    return remembered === null ? undefined : Number(remembered);
  }

  #otherOf({ present, entered }: Held): Named | undefined {
    const named = readName(present ?? entered);
    return named === undefined || named.forms === this.#options.forms ? undefined : named;
  }

  /** Of two that came into use in the same millisecond, either may win, but both have to agree which. */
  #isBefore(mine: number, theirs: Named): boolean {
    return mine < theirs.since || (mine === theirs.since && this.#options.forms < theirs.forms);
  }

  #key(forms: string): string {
    return `${redisPrefix(this.#options.pipeline)}deployment:${forms}`;
  }

  #keys(epoch: string): LedgerKeys {
    return ledgerKeys(this.#options.pipeline, epoch);
  }
}

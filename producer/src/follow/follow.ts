import { interruptible, traced } from '@tributary/shared';
import type { CursorStore } from '../cursor/cursor.js';
import type { KnownKeys } from '../cursor/known-keys.js';
import type { Endpoint } from '../endpoint.js';
import { beginRun, type PollSteps, type RunManner } from '../poll/poll.js';
import type { PollProgress } from '../poll/progress.js';
import type { Shape } from '../shape/shape.js';
import type { ChangeBatch, FollowedSource } from '../sources/port.js';
import { Member } from './member.js';
import { SharedKeys } from './shared-keys.js';

/** An endpoint whose changes come with the stream. */
export interface FollowedEndpoint {
  readonly endpoint: Endpoint;
  readonly shape: Shape;
}

export interface FollowSteps extends Pick<PollSteps, 'publisher' | 'clock' | 'ids' | 'confirmed' | 'telemetry'> {
  readonly source: FollowedSource;
  /** The endpoint itself and its members. */
  readonly members: readonly FollowedEndpoint[];
  readonly cursors: CursorStore;
  readonly known: KnownKeys;
}

/**
 * One run over a stream of changes: each is shaped, and published in its order. When RabbitMQ has confirmed a batch, its place is saved, and only
 * then the other side may forget it. A crash on the way brings the same changes once more, under the same versions, and the consumer drops
 * them.
 *
 * What RabbitMQ loses later cannot be streamed again. The cursor is void then, so that the source copies everything: what is the same is
 * dropped, what was lost lands, and what is gone is known by the keys that were brought.
 *
 * @param endpoint the first of the stream; the messages of its members are numbered with its own
 * @param progress counts what the run does, also if it fails
 * @throws the error that ended it early
 */
export async function follow(
  endpoint: Endpoint,
  steps: FollowSteps,
  progress: PollProgress,
  signal: AbortSignal,
  { full, hurried = false }: RunManner,
): Promise<void> {
  const { source, publisher, cursors, known, clock, ids } = steps;
  const { run, cursor: saved, notBefore } = await interruptible(beginRun(endpoint, steps), signal);
  ids.notBefore(notBefore);
  const messages = publisher.begin(endpoint.id);
  progress.begin(run, messages, notBefore);
  const others = new Map<string, PollProgress>();
  const members = new Map<string, Member>();
  for (const { endpoint: one, shape } of steps.members) {
    const its = one.id === endpoint.id ? progress : progress.of(one);
    if (its !== progress) others.set(one.id, its);
    const keys = known.open(one.id, run, one.keyKind, endpoint.id);
    const member = new Member({ endpoint: one, shape, run, ids, keys, messages, progress: its });
    members.set(one.id, member);
    await member.begin();
  }
  progress.withChildren(() => [...others.values()]);
  const memberOf = (id: string): Member => {
    const member = members.get(id);
    if (member === undefined) throw new Error(`the stream of ${endpoint.id} tells a change of ${id}`);
    return member;
  };
  const shared = new SharedKeys([...members.values()]);
  const elsewhere = (member: Member, keys: readonly string[]) => shared.elsewhere(member, keys);
  const request = {
    place: saved.place,
    isFull: full,
    isLasting: hurried,
    knows: (id: string) => memberOf(id).knowsAny(),
    signal,
  };
  let noted = notBefore;
  const publish = async ({ changes, fetchedAt, place }: ChangeBatch) => {
    if (changes.length > 0 && fetchedAt > noted) {
      noted = fetchedAt;
      await cursors.reached(fetchedAt);
    }
    for (const [id, member] of members)
      member.expect(changes.filter((change) => change.endpoint === id).length, fetchedAt);
    for (let from = 0; from < changes.length; ) {
      // Keys are noted for many changes at a time, before any of these is published: what reached its dataset is known.
      const next = changes.findIndex(({ kind }, at) => at >= from && (kind === 'clear' || kind === 'compare'));
      const to = next < 0 ? changes.length : next;
      const shaped = changes
        .slice(from, to)
        .flatMap((change) => memberOf(change.endpoint).shaped(change, fetchedAt) ?? []);
      const told = await shared.told(shaped);
      for (const member of new Set(shaped.map((one) => one.member))) await member.note();
      for (const one of told) {
        const room = one.member.publish(one);
        if (room !== undefined) await room;
      }
      const last = changes[to];
      if (last?.kind === 'clear') await memberOf(last.endpoint).clear(last.version, fetchedAt, elsewhere);
      if (last?.kind === 'compare') await memberOf(last.endpoint).compare(last.version, fetchedAt, elsewhere);
      from = to + 1;
    }
    await messages.flush();
    for (const { shape } of steps.members) shape.tell();
    await steps.confirmed?.(endpoint, messages, undefined);
    await cursors.save(endpoint, { place, validators: [] });
  };
  for await (const batch of source.follow(request)) {
    const { length } = batch.changes;
    const attributes = { 'tributary.endpoint': endpoint.id, 'messaging.batch.message_count': length };
    const span = () => ({ kind: 'producer', attributes }) as const;
    await traced(length === 0 ? undefined : steps.telemetry, `publish ${endpoint.id}`, span, () => publish(batch));
  }
  progress.confirmed(clock.now());
}

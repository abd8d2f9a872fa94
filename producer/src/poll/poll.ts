import { type Clock, interruptible, type Telemetry } from '@tributary/shared';
import { type Beginning, type Cursor, type CursorStore, EMPTY } from '../cursor/cursor.js';
import type { KnownKeys } from '../cursor/known-keys.js';
import type { Endpoint } from '../endpoint.js';
import type { Ids } from '../publish/ids.js';
import { messageMaker } from '../publish/messages.js';
import type { PublishRun } from '../publish/publish-run.js';
import type { Publisher } from '../publish/publisher.js';
import type { Shape } from '../shape/shape.js';
import type { Page, PageRequest, Source } from '../sources/port.js';
import { type Child, Children } from './children.js';
import { Deletions } from './deletions.js';
import { earlierMark } from './mark.js';
import type { MissingNews } from './missing-news.js';
import { PageTraces } from './page-traces.js';
import type { PollProgress } from './progress.js';
import { type Publishing, publishPage } from './publish-page.js';
import { readAhead } from './read-ahead.js';
import { versionWriter } from './since.js';
import { type Slice, Slices } from './slices.js';
import { type Walk, Walks } from './walks.js';

/** How one run differs from another. */
export interface RunManner {
  /** The endpoint failed until now: if its first request fails, it is not repeated, and the run is over. */
  readonly trial: boolean;
  /** Everything is fetched, and the saved cursor is not used. */
  readonly full: boolean;
  /** The schedule waits for it: slices of the past that would make it late are left to the next run. */
  readonly hurried?: boolean;
}

export interface PollSteps {
  readonly source: Source;
  readonly shape: Shape;
  /** The endpoints that are polled for each record of this one. */
  readonly children?: readonly Child[];
  readonly publisher: Pick<Publisher, 'begin'>;
  readonly cursors: CursorStore;
  readonly known: KnownKeys;
  readonly missingNews: MissingNews;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Called before the cursor is saved: all messages are confirmed. @param since where the run began; everything if undefined */
  readonly confirmed?: (
    endpoint: Endpoint,
    messages: Pick<PublishRun, 'numbering'>,
    since: string | undefined,
  ) => Promise<void>;
  /** False: what is saved ends with this process, and the source is told later that it is kept. True unless given. */
  readonly isLasting?: boolean | undefined;
  /** Tells of each page; nothing is traced unless given. */
  readonly telemetry?: Telemetry | undefined;
}

/** How long, in milliseconds, a run may take before the next one is due. */
const intervalOf = ({ config: { schedule } }: Endpoint): number => ('every' in schedule ? schedule.every : 60_000);

/** The version from which the slice has to be read again if it is lost; undefined for everything. */
function beginningOf(endpoint: Endpoint, { mark }: Cursor, { since, until }: Slice): string | undefined {
  if (mark === undefined || until === undefined) return mark;
  // Slices of the past lie before the mark.
  return since && earlierMark(endpoint, since, mark);
}

/** Whether any page of a family may be found by its number. */
const countsPages = ({ source, children }: Pick<Child, 'source' | 'children'>): boolean =>
  source.countsPages || children.some(countsPages);

/**
 * Begins a run, whose ids have its time at least. No other run gets this time: where the latest time is ahead of the clock, the ids of many
 * runs have the same one, and those of a producer that is started again would not be later.
 */
export async function beginRun(
  endpoint: Endpoint,
  { cursors, clock }: Pick<PollSteps, 'cursors' | 'clock'>,
): Promise<Beginning> {
  const beginning = await cursors.begin(endpoint, clock.now());
  await cursors.reached(beginning.notBefore);
  return beginning;
}

/**
 * One poll: reads the cursor, fetches the pages, shapes each record as the pipeline file says, makes a message of it, publishes it,
 * awaits every confirm, deletes what is missing, and only then advances the cursor. A crash or a failure on the way repeats the
 * poll, and the consumer drops the repeats. Pages that may have moved while they were read are read again.
 *
 * @param progress counts what the poll does, also if it fails
 * @param signal aborts requests and waits; records already fetched are still published
 * @throws the error that ended it early
 */
export async function poll(
  endpoint: Endpoint,
  steps: PollSteps,
  progress: PollProgress,
  signal: AbortSignal,
  { trial, full, hurried = false }: RunManner = { trial: false, full: false },
) {
  const { source, shape, publisher, cursors, clock, ids, telemetry } = steps;
  const beginning = beginRun(endpoint, steps);
  const { run, cursor: saved, notBefore } = await interruptible(beginning, signal);
  const cursor: Cursor = full ? { validators: [], ...(saved.lost !== undefined && { lost: saved.lost }) } : saved;
  ids.notBefore(notBefore);
  const messages = publisher.begin(endpoint.id);
  progress.begin(run, messages, notBefore);
  const traces = telemetry && new PageTraces(telemetry, messages);

  const begunAt = clock.now();
  const slices = new Slices(endpoint, cursor, begunAt);
  let walks = new Walks(endpoint, cursor, begunAt, source.countsPages, source.isInOrder);
  const progresses = new Map([[endpoint.id, progress]]);
  const messageMakerOf = (one: Endpoint) => messageMaker(one, run, ids);
  const deletions = new Deletions({
    endpoint,
    run,
    saved,
    isFull: endpoint.config.incremental === undefined || walks.since === undefined,
    countsPages: countsPages({ source, children: steps.children ?? [] }),
    known: steps.known,
    news: steps.missingNews,
    messages,
    messageMakerOf,
    progressOf: ({ id }) => progresses.get(id) ?? progress,
  });
  let noted = notBefore;
  /** To be awaited before the records of a page are published: the ids of their messages have its time. */
  const onPage = async (one: Endpoint, page: Page) => {
    deletions.page(one, page);
    if (page.fetchedAt <= noted || page.notModified === true) return;
    noted = page.fetchedAt;
    await cursors.reached(page.fetchedAt);
  };
  const family = new Children(steps.children ?? [], {
    outgoing: (child) => deletions.outgoing(child),
    onPage,
    onLeftOut: (child) => deletions.leavesOut(child),
    progressOf(child) {
      const its = progress.of(child);
      progresses.set(child.id, its);
      return its;
    },
    messageMakerOf,
    traces,
    signal,
  });
  progress.withChildren(() => family.progress);

  let isConditional = saved.validators.length > 0;
  /**
   * A 304 says that a page is as the last complete run read it, and so as it is in the output. Once a changed page is published, that is
   * no longer so: if this run died and the API took its change back, a 304 would keep the change in the output.
   */
  const dropConditions = async () => {
    if (!isConditional) return;
    isConditional = false;
    await cursors.save(endpoint, { ...saved, validators: [] });
  };

  const messageOf = messageMakerOf(endpoint);
  const outgoing = deletions.outgoing(endpoint);
  /** The version from which what is not saved yet has to be read again; undefined for everything. */
  let savedUpTo = full ? undefined : saved.mark;
  let savedPlace = cursor.place;
  // A walk that is to find what is missing has to be one piece.
  const isSavedWithin = endpoint.config.deletes?.missing !== true;
  /**
   * What a walk has read so far is confirmed, and need not be read again if the run dies. It waits for the confirms of the page before,
   * while the next page is being fetched.
   */
  const saveWithin = async (walk: Walk) => {
    const within = isSavedWithin ? walks.cursorWithin(walk) : undefined;
    if (within === undefined || (within.mark === undefined && within.place === savedPlace)) return;
    await messages.flush();
    family.throwFailures();
    await steps.confirmed?.(endpoint, messages, savedUpTo);
    await cursors.save(endpoint, within);
    savedUpTo = within.mark;
    savedPlace = within.place;
  };
  /** Reads all pages once, and publishes what is on them. */
  const read = async (walk: Walk, request: Omit<PageRequest, 'signal'>) => {
    let isFirst = true;
    const publishing: Publishing = {
      endpoint,
      shape,
      progress,
      outgoing,
      messageOf,
      onRecord: (message) => walk.record(message),
      onLeftOut: () => deletions.leavesOut(endpoint),
      traces,
    };
    const pages = (reading: AbortSignal) => {
      const asked = source.pages({ ...request, signal: reading });
      return traces === undefined ? asked : traces.pages(endpoint, asked);
    };
    for await (const page of readAhead(pages, signal)) {
      if (!isFirst) await saveWithin(walk);
      isFirst = false;
      progress.page(page);
      walk.page(page);
      await onPage(endpoint, page);
      if (!page.notModified) await dropConditions();
      const published = await publishPage(page, publishing);
      await family.pollFor({ endpoint, shape }, published);
    }
  };

  const begun = clock.monotonic();
  const isLate = () => hurried && clock.monotonic() - begun > intervalOf(endpoint);
  const write = versionWriter(endpoint);
  let conditions: Pick<PageRequest, 'validators' | 'trial' | 'place' | 'lost'> = {
    validators: cursor.validators,
    place: cursor.place,
    lost: cursor.lost,
    trial,
  };
  let slice: Slice | undefined = slices.first(walks.since);
  while (slice !== undefined) {
    const asked = { since: slice.since && write(slice.since), until: slice.until && write(slice.until) };
    let walk: Walk;
    do {
      walk = walks.begin(clock.now());
      await deletions.begin();
      await read(walk, { ...asked, ...conditions });
      deletions.end();
      conditions = { validators: [], trial: false };
    } while (walks.again(walk) || (await deletions.again()));

    await messages.flush();
    progress.confirmed(clock.now());
    family.throwFailures();
    if (!walks.settled) progress.neverStood();
    if (walks.standsStill) progress.standsStill();
    const reached = await deletions.publish(walks.settled, slices.confirmed(slice, walks));
    // If the broker loses what it has confirmed, the endpoint is polled again from where this run began.
    const from = source.isInOrder === true ? savedUpTo : full ? undefined : beginningOf(endpoint, saved, slice);
    await steps.confirmed?.(endpoint, messages, from);
    await cursors.save(endpoint, reached);
    if (reached.place !== undefined && steps.isLasting !== false) await source.saved?.(signal);
    const { settled } = walks;
    walks = new Walks(endpoint, EMPTY, begunAt, source.countsPages, source.isInOrder);
    // The next run asks again for what would not stand still.
    const moves: boolean = slice.until !== undefined && !settled;
    slice = isLate() || moves ? undefined : slices.next();
  }
}

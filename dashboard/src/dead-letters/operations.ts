import { ExpressionError } from '@tributary/shared';
import { z } from 'zod';
import { ASKING } from '../access/rate-limit.js';
import { ApiError, notFound } from '../http/api-error.js';
import type { Context } from '../http/context.js';
import { LARGE_BODIES, LOOKS } from '../http/loads.js';
import { type Operation, operation } from '../http/operation.js';
import { wholeNumber } from '../http/parameters.js';
import * as answers from './answers.js';
import { checkQueue, criteria, match, matchOfQueue } from './criteria.js';
import type { DeadLetters } from './dead-letters.js';
import { definitionOperation } from './definition.js';
import type { DeadLetter } from './letter.js';
import type { Mending } from './mending.js';
import { judge } from './verdict.js';

/** Fields have different meanings in different entities: what is mended by expressions is of one queue. */
const mend = z.strictObject({
  match: matchOfQueue,
  set: z
    .record(z.string().min(1).max(200), z.string().trim().min(1, 'say what the field shall be').max(2_000))
    .refine((set) => Object.keys(set).length > 0, 'name a field, and say what it shall be')
    .refine((set) => Object.keys(set).length <= 20, 'sets more than 20 fields'),
});

const reason = z.string().trim().min(3, 'say why in a few words').max(500);
/** As UTF-8 the half of a surrogate pair becomes another character: what is sent would not be what was typed, in silence. */
const payload = z
  .string()
  .max(20_000_000)
  .refine((text) => text.isWellFormed(), 'holds half of a surrogate pair, which has no UTF-8 form');
const params = { id: z.string().describe('As the list gives it') };

/** Bytes of a body: criteria and reasons. */
const SMALL = 64 * 1024;
/** Bytes of a record that is checked while a person types. A larger one is checked when it is sent. */
const CHECKED = 1024 * 1024;
/** Bytes of a mended record: as large as RabbitMQ takes it. */
const MENDED = 20 * 1024 * 1024;

/** A person who acts by hand is far below this; a program that repeats itself is stopped. */
const rate = { burst: 60, perSecond: 2 };
/** The page checks at most some times a second, when a person pauses; each check reads up to a megabyte. */
const CHECKING = { burst: 60, perSecond: 4 };

/** An action that has begun is finished even if the client has gone: half of an action is of no use. */
const untilDone = new AbortController().signal;

export const deadLetterOperations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/dead-letters',
    summary: 'What could not be written, and why',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: LOOKS,
    query: {
      ...criteria,
      offset: wholeNumber(0, 1_000_000, 0).describe('Letters to skip'),
      limit: wholeNumber(1, 500, 50).describe('Letters to give'),
      refresh: z.string().optional().describe('Anything, to look again instead of showing what was seen a moment ago'),
    },
    answer: answers.letters,
    async handler({ query: { offset, limit: most, refresh, ...asked }, signal }, { listing }) {
      if (refresh !== undefined) listing.forget();
      const range = { offset, limit: most };
      return { ...range, ...(await listing.page(asked, range, signal)) };
    },
  }),
  operation({
    method: 'post',
    path: '/dead-letters/validate',
    summary: 'What the consumer would say to a payload',
    role: 'viewer',
    rate: CHECKING,
    load: 'light',
    body: { schema: z.strictObject({ entity: z.string().max(100), payload }), limit: CHECKED },
    answer: answers.judgement,
    handler: ({ body }, { deadLetters }) => judgeBody(deadLetters, body.entity, body.payload),
  }),
  operation({
    method: 'post',
    path: '/dead-letters/replay',
    summary: 'Send again all that match and that the consumer would take now; the others stay',
    role: 'operator',
    rate,
    load: 'light',
    body: { schema: z.strictObject({ match }), limit: SMALL },
    answer: answers.acted,
    async handler({ body, actor }, { deadLetters, listing }) {
      const acted = await deadLetters.replayAll(body.match, actor, untilDone);
      listing.forget();
      return acted;
    },
  }),
  operation({
    method: 'post',
    path: '/dead-letters/mend/preview',
    summary: 'How many that match would pass if fields were set by expressions (CEL); nothing is changed',
    role: 'operator',
    rate,
    load: LOOKS,
    body: { schema: mend, limit: SMALL },
    answer: answers.mendProspect,
    async handler({ body, signal }, { deadLetters }) {
      return await deadLetters.tryMending(body.match, mendingOf(deadLetters, body), signal);
    },
  }),
  definitionOperation,
  operation({
    method: 'post',
    path: '/dead-letters/mend',
    summary: 'Set fields of all that match by expressions (CEL), and send those again that pass then; the others stay',
    role: 'operator',
    rate,
    load: 'light',
    body: { schema: mend, limit: SMALL },
    answer: answers.acted,
    async handler({ body, actor }, { deadLetters, listing }) {
      const acted = await deadLetters.mendAll(body.match, mendingOf(deadLetters, body), actor, untilDone);
      listing.forget();
      return acted;
    },
  }),
  operation({
    method: 'post',
    path: '/dead-letters/discard',
    summary: 'Discard all that match',
    role: 'admin',
    rate,
    load: 'light',
    body: { schema: z.strictObject({ match, reason }), limit: SMALL },
    answer: answers.acted,
    async handler({ body, actor }, { deadLetters, listing }) {
      const acted = await deadLetters.discard(body.match, body.reason, actor, untilDone);
      listing.forget();
      return acted;
    },
  }),
  operation({
    method: 'get',
    path: '/dead-letters/{id}',
    summary: 'One in full',
    role: 'viewer',
    body: 'none',
    rate: ASKING,
    load: LOOKS,
    params,
    answer: answers.wholeLetter,
    async handler({ params: { id }, signal }, { deadLetters, listing }) {
      const found = await listing.find(id, signal);
      if (found === undefined) throw gone();
      const { letter, body, headers } = found;
      return { letter, payload: body, headers, ...judgeBody(deadLetters, letter.entity, body) };
    },
  }),
  operation({
    method: 'post',
    path: '/dead-letters/{id}/replay',
    summary: 'Send one again, mended if a payload is given',
    role: 'operator',
    rate,
    load: LARGE_BODIES,
    params,
    body: { schema: z.strictObject({ payload: payload.optional() }), limit: MENDED },
    answer: answers.acted,
    async handler({ params: { id }, body, actor, signal }, { deadLetters, listing }) {
      const { queue, entity } = await whereIs(id, listing, signal);
      if (body.payload !== undefined) {
        const { problem } = judgeBody(deadLetters, entity, body.payload);
        if (problem !== null) throw new ApiError(422, problem.code, problem.message);
      }
      const acted = await deadLetters.replay({ id, queue }, actor, untilDone, body.payload);
      listing.forget();
      if (acted.done === 0) throw gone();
      return acted;
    },
  }),
  operation({
    method: 'post',
    path: '/dead-letters/{id}/discard',
    summary: 'Discard one',
    role: 'operator',
    rate,
    load: 'light',
    params,
    body: { schema: z.strictObject({ reason }), limit: SMALL },
    answer: answers.acted,
    async handler({ params: { id }, body, actor, signal }, { deadLetters, listing }) {
      const { queue } = await whereIs(id, listing, signal);
      const acted = await deadLetters.discard({ id, queue }, body.reason, actor, untilDone);
      listing.forget();
      if (acted.done === 0) throw gone();
      return acted;
    },
  }),
];

/** @throws ApiError with what is wrong with an expression */
function mendingOf(deadLetters: DeadLetters, { match: { queue }, set }: z.output<typeof mend>): Mending {
  checkQueue(deadLetters, queue);
  try {
    return deadLetters.mendingOf(queue, set);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ApiError(422, 'expression_invalid', error.message);
  }
}

async function whereIs(id: string, listing: Context['listing'], signal: AbortSignal): Promise<DeadLetter> {
  const found = await listing.find(id, signal);
  if (found === undefined) throw gone();
  return found.letter;
}

const gone = () => notFound('this dead letter is not there: it was replayed or discarded');

function judgeBody(deadLetters: DeadLetters, entity: string, body: string): z.output<typeof answers.judgement> {
  const { problem } = judge(() => deadLetters.validate(entity, Buffer.from(body)));
  return { valid: problem === null, problem };
}

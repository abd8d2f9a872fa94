import { PoisonError } from '@tributary/shared';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Expressions, Mending } from '../../src/dead-letters/mending.js';
import type { Work } from '../../src/dead-letters/mending-child.js';
import { MendingProcess } from '../../src/dead-letters/mending-process.js';
import { sampleConfig } from '../sample.js';

const { signal: never } = new AbortController();

function start(expressions: Expressions, signal = never, limits: object = { time: 100_000 }): MendingProcess {
  const { customer } = sampleConfig('/nowhere').entities;
  if (customer === undefined) throw new Error('the sample has customers');
  const mends = new MendingProcess(new Mending(customer, expressions), signal, limits);
  onTestFinished(() => mends.end());
  return mends;
}
const bodyOf = (record: unknown) => Buffer.from(JSON.stringify(record));
const chain = (first: string, each: string, times: number) => `${first}${`.map(x, ${each})`.repeat(times)}[0]`;

describe('mending in a process of its own', { timeout: 300_000 }, () => {
  it('gives what the expressions give, and the same words for a record that stays', async () => {
    const mends = start({ points: 'int(points)', balance: 'balance * decimal("3")' });
    const bodies = Array.from({ length: 50 }, (_, index) =>
      bodyOf({ id: 'a', points: index === 7 ? 'old' : `${index}`, balance: '0.1', spent: 2 }),
    );
    const found = await Promise.allSettled(bodies.map((body) => mends.mend(body)));
    for (const [index, one] of found.entries()) {
      if (index === 7) {
        expect(one).toMatchObject({ reason: { code: 'expression_failed', field: 'points' } });
        expect((one as PromiseRejectedResult).reason).toBeInstanceOf(PoisonError);
      } else {
        const { value } = one as PromiseFulfilledResult<{ body: Buffer; before: string; after: string }>;
        expect(JSON.parse(value.body.toString())).toEqual({ id: 'a', points: index, balance: '0.3', spent: 2 });
        expect(value.before).toBe(`{"points":"${index}","balance":"0.1"}`);
      }
    }
  });

  it.each([
    ['lists that double', chain('[[1]]', 'x + x', 40)],
    ['texts that double', `${chain('["aaaaaaaa"]', 'x + x', 24)}.split("")`],
    ['decimals that are squared', `string(${chain('[decimal("99999999999999999999")]', 'x * x', 30)})`],
    ['a list looked for in itself', 'raw.big.filter(x, (-1) in raw.big)'],
    ['a list added to itself', 'raw.big.map(x, raw.big + raw.big)'],
  ])('ends with words for %s, and tries no record behind it', async (_name, lines) => {
    const mends = start({ lines: lines.startsWith('string') ? `[${lines}]` : lines }, never, {
      time: 2_000,
      memory: 64,
    });
    const big = Array.from({ length: 60_000 }, (_, index) => index);
    const bodies = [bodyOf({ id: 'a', big }), bodyOf({ id: 'b', big: [] })];
    const found = await Promise.allSettled(bodies.map((body) => mends.mend(body)));
    const costly = { status: 'rejected', reason: { code: 'expression_too_costly' } };
    expect(found).toMatchObject([costly, costly]);
  });

  it('ends when the reader goes, and when it has taken its time in all', async () => {
    const reader = new AbortController();
    const reason = new Error('the reader has gone');
    const mends = start({ note: `string(${chain('[decimal("99999999999999999999")]', 'x * x', 30)})` }, reader.signal, {
      time: 100_000,
    });
    const outcome = mends.mend(bodyOf({ id: 'a' })).catch((error: unknown) => error);
    setTimeout(() => reader.abort(reason), 500);
    expect(await outcome).toBe(reason);
    const short = start({ note: '"n"' }, never, { inAll: 0, time: 100_000 });
    expect(await short.mend(bodyOf({ id: 'a' }))).toMatchObject({ after: '{"note":"n"}' });
    await expect(short.mend(bodyOf({ id: 'a' }))).rejects.toMatchObject({ code: 'expression_too_costly' });
  });

  it('sees nothing of the environment, and is refused bytes, which no limit counts', async () => {
    vi.stubEnv('NODE_OPTIONS', '--require ./no-such-file.cjs');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await start({ note: '"n"' }).mend(bodyOf({ id: 'a' }))).toMatchObject({ after: '{"note":"n"}' });
    for (const bytes of ['bytes(["a"].map(x, x + x)[0])', 'b"a"']) {
      expect(() => start({ note: `string(${bytes})` })).toThrow(/^note: bytes are not supported here/);
    }
  });

  it('refuses a record that becomes a megabyte longer', async () => {
    const mends = start({ note: chain('["aaaaaaaa"]', 'x + x', 18) });
    await expect(mends.mend(bodyOf({ id: 'a' }))).rejects.toMatchObject({ code: 'record_too_large' });
    const mended = await start({ note: chain('["aaaaaaaa"]', 'x + x', 10) }).mend(bodyOf({ id: 'a' }));
    expect(mended?.body.length).toBeGreaterThan(8_000);
  });

  /** Of 5,000 fields for each item of a list. */
  const wide = (): Work => {
    const { customer } = sampleConfig('/nowhere').entities;
    if (customer === undefined) throw new Error('the sample has customers');
    const one = { type: 'string', optional: true, maxLength: 10 } as const;
    const items = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`a${index}`, one]));
    const list = { type: 'list', optional: false, maxLength: 1_000_000, items } as const;
    const id = { type: 'string', optional: false, maxLength: 10 } as const;
    return { entity: 'customer', config: { ...customer, key: 'id', version: undefined, fields: { id, wide: list } } };
  };

  it.each([
    ['time', { time: 500 }, 40_000],
    ['memory', { time: 100_000, memory: 24 }, 300_000],
    ['time in all', { time: 100_000, inAll: 0 }, 10],
  ])('judges records by a new definition of their entity within limits too: of %s', async (_, limits, items) => {
    const judging = new MendingProcess(wide(), never, limits);
    onTestFinished(() => judging.end());
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
    }, 10);
    const list = Buffer.from(JSON.stringify({ id: 'a', wide: Array.from({ length: items }, () => ({})) }));
    await judging.mend(list).catch(() => {});
    await expect(judging.mend(bodyOf({ id: 'b', wide: [] }))).rejects.toMatchObject({ code: 'definition_too_costly' });
    clearInterval(turning);
    expect(turns).toBeGreaterThan(3);
  });

  it('says of each record what is wrong with it by a new definition', async () => {
    const judging = new MendingProcess(wide(), never);
    onTestFinished(() => judging.end());
    await expect(judging.mend(bodyOf({ id: 'a', wide: 5 }))).rejects.toMatchObject({ field: 'wide' });
    expect(await judging.mend(bodyOf({ id: 'a', wide: [{ a1: 'x' }] }))).toBeUndefined();
    await expect(judging.mend(Buffer.from('no JSON'))).rejects.toBeInstanceOf(PoisonError);
  });
});

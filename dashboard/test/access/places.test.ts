import { describe, expect, it } from 'vitest';
import { Places } from '../../src/access/places.js';

const never = new AbortController().signal;
const places = (patience?: number) => new Places({ what: 'downloads', atOnce: 3, waiting: 4 }, patience);

describe('the places for what costs much', () => {
  it('are given in the order of the queue, and never all to one person', async () => {
    const all = places();
    const begun: string[] = [];
    const take = (share: string) =>
      all.take(share, never).then((release) => {
        begun.push(share);
        return release;
      });
    const [first] = await Promise.all([take('anna'), take('anna')]);
    const waiting = [take('anna'), take('anna')];
    const other = await take('ben');
    expect(begun).toEqual(['anna', 'anna', 'ben']);
    first?.();
    await waiting[0];
    other();
    // Two of the three are Anna's, so the third stays free for another.
    await take('carl');
    expect(begun).toEqual(['anna', 'anna', 'ben', 'anna', 'carl']);
    expect([all.taken, all.waiting]).toEqual([3, 1]);
  });

  it('are refused in words when one person, or all together, wait for too many', async () => {
    const all = places();
    await Promise.all([all.take('anna', never), all.take('anna', never)]);
    const waiting = [all.take('anna', never), all.take('anna', never)];
    await expect(all.take('anna', never)).rejects.toMatchObject({
      status: 429,
      after: 10,
      message: '2 of your downloads wait already; try again in 10 s',
    });
    await all.take('ben', never);
    waiting.push(all.take('ben', never), all.take('carl', never));
    await expect(all.take('dora', never)).rejects.toMatchObject({
      status: 503,
      after: 10,
      message: '4 downloads wait already; try again in 10 s',
    });
    expect(waiting).toHaveLength(all.waiting);
  });

  it('are not waited for by those who have gone, or for ever', async () => {
    const all = places(20);
    const release = await all.take('anna', never);
    await all.take('anna', never);
    const gone = new AbortController();
    const left = expect(all.take('anna', gone.signal)).rejects.toThrow('hung up');
    const late = expect(all.take('anna', never)).rejects.toMatchObject({ status: 503, code: 'busy' });
    gone.abort(new Error('hung up'));
    await Promise.all([left, late]);
    expect([all.taken, all.waiting]).toEqual([2, 0]);
    release();
    release();
    expect(all.taken).toBe(1);
    await expect(all.take('ben', AbortSignal.abort(new Error('was never there')))).rejects.toThrow('was never there');
  });
});

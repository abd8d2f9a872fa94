import { MOST_OF_PUBLICATION } from '@tributary/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { type MessageNumber, Numbering } from '../../src/publish/numbering.js';

describe('the numbers of an endpoint’s messages', () => {
  let numbering: Numbering;
  beforeEach(() => {
    numbering = new Numbering(() => 7);
  });
  const publish = (count: number, confirmed = count): MessageNumber[] => {
    const numbers = Array.from({ length: count }, () => numbering.numberOf('customer'));
    for (const { publication } of numbers.slice(0, confirmed)) publication.confirmed += 1;
    return numbers;
  };
  const tokenOf = ({ text }: MessageNumber): string => text.slice(0, text.indexOf('/'));

  it('go on in the next run, at a whole byte of the bits', () => {
    numbering.begin();
    const [first] = publish(3);
    expect(numbering.take()).toMatchObject([{ entity: 'customer', from: 0, to: 8, count: 3 }]);
    numbering.noted();
    numbering.begin();
    const [next] = publish(9);
    expect(next?.text).toBe(`${tokenOf(first as MessageNumber)}/8`);
    expect(numbering.take()).toMatchObject([{ from: 8, to: 24, count: 9 }]);
  });

  it('begin anew after a run of which nothing was noted: its bits must not be counted for other messages', () => {
    const [failed] = publish(5, 2) as [MessageNumber];
    numbering.begin();
    const [next] = publish(1) as [MessageNumber];
    expect(tokenOf(next)).not.toBe(tokenOf(failed));
    expect(numbering.take()).toMatchObject([{ token: tokenOf(next), count: 1 }]);
    // It was taken, but Redis was away: it is as if it had not been.
    numbering.begin();
    expect(tokenOf(publish(1)[0] as MessageNumber)).not.toBe(tokenOf(next));
  });

  it('are in publications of 65,536 messages at most, each of one entity', () => {
    publish(MOST_OF_PUBLICATION + 10);
    numbering.numberOf('inventory').publication.confirmed += 1;
    const parts = numbering.take();
    expect(parts.map(({ count, to }) => [count, to])).toEqual([
      [MOST_OF_PUBLICATION, MOST_OF_PUBLICATION],
      [10, 16],
      [1, 8],
    ]);
    expect(new Set(parts.map(({ token }) => token)).size).toBe(3);
  });

  it('of messages that were given up are not waited for', () => {
    publish(8, 7);
    expect(numbering.take()).toMatchObject([{ from: 0, to: 8, count: 7 }]);
    numbering.noted();
    numbering.begin();
    publish(1, 0);
    expect(numbering.take()).toEqual([]);
  });

  it('begin anew where a publication is ended', () => {
    const [first] = publish(1) as [MessageNumber];
    numbering.take();
    numbering.noted();
    numbering.end();
    expect(tokenOf(publish(1)[0] as MessageNumber)).not.toBe(tokenOf(first));
  });
});

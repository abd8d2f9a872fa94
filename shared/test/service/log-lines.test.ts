import { describe, expect, it } from 'vitest';
import { createLogger, linesOf } from '../../src/index.js';

describe('the newest lines of a log about an endpoint', () => {
  const make = () => createLogger({ service: 'producer', instance: 'p' }, { write() {} });

  it('are those that were written, in words, without secrets and without what a terminal obeys', () => {
    const log = make();
    log.info({ endpoint: 'crm' }, 'polling goes on');
    log.warn(
      {
        endpoint: 'crm',
        run: 7,
        reason: 'no answer from https://anna:hunter2@crm/x \u202e',
        token: 'abc',
        nested: { a: 1 },
      },
      'the poll failed',
    );
    log.debug({ endpoint: 'crm' }, 'not written at this level');
    log.warn({ endpoint: 'other' }, 'of another');
    log.warn('of none');
    const lines = linesOf(log, 'crm');
    expect(lines.map(({ level }) => level)).toEqual(['info', 'warn']);
    expect(lines[1]?.text).toMatch(/^the poll failed: no answer from .*\(run 7, token \[secret\]\)$/);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|abc|\u202e/);
    expect(lines[0]?.at).toMatch(/^\d{4}-.*Z$/);
  });

  it('are a hundred at most, none longer than some thousand characters', () => {
    const log = make();
    for (let n = 0; n < 250; n++) log.info({ endpoint: 'crm', reason: 'x'.repeat(5_000) }, `line ${n}`);
    const lines = linesOf(log, 'crm');
    expect(lines).toHaveLength(100);
    expect(lines.at(-1)?.text).toMatch(/^line 249/);
    expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThan(1_010);
  });

  it('are of that log alone', () => {
    const [one, other] = [make(), make()];
    one.info({ endpoint: 'crm' }, 'hello');
    expect(linesOf(other, 'crm')).toEqual([]);
  });
});

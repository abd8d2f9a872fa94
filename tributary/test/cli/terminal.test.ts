import { describe, expect, it, vi } from 'vitest';
import { Terminal, withProgress } from '../../src/cli/shell/terminal.js';
import { Kept } from './support.js';

const WIPE = '\r\x1b[K';
const brokenPipe = () => Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });

describe('a terminal', () => {
  it('wipes its status line before anything is written, and draws it again below', () => {
    const [stdout, stderr] = [new Kept(true), new Kept(true)];
    const terminal = new Terminal(stdout, stderr);
    terminal.status('polling');
    terminal.say('a warning\n');
    terminal.status(undefined);
    expect(stderr.text).toBe(`polling${WIPE}a warning\npolling${WIPE}`);
    expect(stdout.text).toBe('');
  });

  it('keeps its status line shorter than a line, which could not be wiped otherwise', () => {
    const stderr = new Kept(true);
    new Terminal(new Kept(), stderr).status('x'.repeat(200));
    expect(stderr.text).toBe('x'.repeat(59));
  });

  it('has no status line where no screen is', () => {
    const [stdout, stderr] = [new Kept(), new Kept()];
    const terminal = new Terminal(stdout, stderr);
    terminal.status('polling');
    terminal.status('flowing', 'stdout');
    terminal.write('done\n');
    expect([stdout.text, stderr.text]).toEqual(['done\n', '']);
  });

  it.each(['stdout', 'stderr'])('tells when the reader of %s has gone, and writes no more', (which) => {
    const outputs = { stdout: new Kept(), stderr: new Kept() };
    const terminal = new Terminal(outputs.stdout, outputs.stderr);
    expect(terminal.closed.aborted).toBe(false);
    outputs[which as keyof typeof outputs].emit('error', brokenPipe());
    expect(terminal.closed.aborted).toBe(true);
    terminal.write('lost');
    terminal.say('lost');
    expect(outputs.stdout.text + outputs.stderr.text).toBe('');
  });

  it('lets any other failure of an output be one', () => {
    const stdout = new Kept();
    const terminal = new Terminal(stdout, new Kept());
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    expect(() => stdout.emit('error', full)).toThrow(full);
    expect(terminal.closed.aborted).toBe(false);
  });
});

describe('the progress of work', () => {
  it('is shown on a screen from the first second on, and wiped when the work is done', async () => {
    vi.useFakeTimers();
    const stderr = new Kept(true);
    const work = new Promise<string>((resolve) => setTimeout(() => resolve('found'), 2_500));
    const done = withProgress(new Terminal(new Kept(), stderr), () => 'polling', work);
    await vi.advanceTimersByTimeAsync(900);
    expect(stderr.text).toBe('');
    await vi.advanceTimersByTimeAsync(1_200);
    expect(stderr.text).toContain('polling (2 s)');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await done).toBe('found');
    expect(stderr.text.endsWith(WIPE)).toBe(true);
    vi.useRealTimers();
  });

  it('is not shown in a file or a pipe', async () => {
    const stderr = new Kept();
    const what = vi.fn(() => 'polling');
    await withProgress(new Terminal(new Kept(), stderr), what, Promise.resolve());
    expect(what).not.toHaveBeenCalled();
    expect(stderr.text).toBe('');
  });
});

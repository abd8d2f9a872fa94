import type { FileHandle } from 'node:fs/promises';

type Files = typeof import('node:fs/promises');
type Step = (what: string, args: readonly unknown[]) => Promise<void> | void;

/** What is done before each step on files; tests set it. */
let beforeStep: Step = () => {};

const CHANGES = [
  'copyFile',
  'link',
  'mkdir',
  'open',
  'readdir',
  'readFile',
  'rename',
  'rmdir',
  'stat',
  'unlink',
  'writeFile',
] as const;
const HANDLE_STEPS = ['write', 'writeFile', 'truncate', 'datasync', 'sync', 'close'] as const;

/**
 * node:fs/promises, with something to be done before each step. For
 * `vi.mock('node:fs/promises', async (original) => stepping(await original()))`.
 */
export function stepping(files: Files): Record<string, unknown> {
  const wrapped: Record<string, unknown> = { ...files };
  for (const name of CHANGES) {
    const real = files[name] as (...args: unknown[]) => Promise<unknown>;
    wrapped[name] = async (...args: unknown[]) => {
      await beforeStep(name, args);
      const result = await real(...args);
      return name === 'open' ? steppingHandle(result as FileHandle) : result;
    };
  }
  return { ...wrapped, default: wrapped };
}

function steppingHandle(handle: FileHandle): FileHandle {
  for (const name of HANDLE_STEPS) {
    const real = (handle[name] as (...args: unknown[]) => Promise<unknown>).bind(handle);
    Object.defineProperty(handle, name, {
      value: async (...args: unknown[]) => {
        await beforeStep(name, args);
        return real(...args);
      },
    });
  }
  return handle;
}

/** Runs the action with `step` before each step on files, of this action and of all others, until it has ended. */
export async function withSteps<T>(step: Step, action: () => Promise<T>): Promise<T> {
  beforeStep = step;
  try {
    return await action();
  } finally {
    beforeStep = () => {};
  }
}

export class Crash extends Error {}

/** A process that dies before its step number `at`: neither this step nor any later one happens. */
export function crashAt(at: number): { step: Step; happened: () => boolean } {
  let count = 0;
  return {
    step(what) {
      // The operating system closes the files of a dead process.
      if (what === 'close') return;
      if (count++ >= at) throw new Crash(`died before ${what}`);
    },
    happened: () => count > at,
  };
}

/** An action that was begun: it is held up in the middle, or it ended before it reached that step. */
export interface Held<T> {
  readonly held: boolean;
  letGo(): void;
  readonly outcome: Promise<T>;
}

/** Begins the action and holds it up before its step number `at`. Steps of other actions after that are not held up. */
export async function holdAt<T>(at: number, action: () => Promise<T>): Promise<Held<T>> {
  let count = 0;
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let arrive = (_held: true) => {};
  const arrival = new Promise<true>((resolve) => {
    arrive = resolve;
  });
  beforeStep = async () => {
    if (count++ !== at) return;
    beforeStep = () => {};
    arrive(true);
    await gate;
  };
  const outcome = action();
  const held = await Promise.race([
    arrival,
    outcome.then(
      () => false,
      () => false,
    ),
  ]);
  beforeStep = () => {};
  return { held, letGo, outcome };
}

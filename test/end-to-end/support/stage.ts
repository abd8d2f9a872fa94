import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReleaseList } from '@tributary/shared';
import { afterAll } from 'vitest';
import { type Ended, Program, type ProgramName, type ProgramOptions } from './program.js';

/** What the tests of one file set up. When they are done all of it goes, in reverse. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'tributary-e2e-'));
  readonly #releases = new ReleaseList();

  constructor() {
    this.atEnd('the temporary folder', () => rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 }));
  }

  atEnd(what: string, release: () => unknown): void {
    this.#releases.add(what, release);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a file into the temporary folder. @returns its path */
  write(name: string, content: string): string {
    const path = this.path(name);
    writeFileSync(path, content);
    return path;
  }

  start(name: ProgramName, options: ProgramOptions = {}): Program {
    const program = new Program(name, options);
    this.atEnd(name, async () => {
      if (!program.isRunning) return;
      program.signal('SIGKILL');
      await program.ended;
    });
    return program;
  }

  /** Runs a program to its end. */
  run(name: ProgramName, options: ProgramOptions = {}): Promise<Ended> {
    return this.start(name, options).ended;
  }

  clear(): Promise<void> {
    return this.#releases.release();
  }
}

export function useStage(): Stage {
  const stage = new Stage();
  afterAll(() => stage.clear());
  return stage;
}

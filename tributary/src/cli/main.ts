#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import { describeError, runMain, setUmask } from '@tributary/shared';
import { runCli } from './program.js';
import type { Context } from './shell/context.js';
import { dialogueOn } from './shell/dialogue.js';
import { type Place, speller } from './shell/spelling.js';
import { Terminal } from './shell/terminal.js';

// The `tributary` command; the npm scripts of the repository call it too.

/** Ctrl-C under npm comes twice at once: from the terminal, and passed on by npm. That is one wish, not two. Milliseconds. */
const SAME_SIGNAL = 500;

/** Of a shell whose command was ended by Ctrl-C. */
const INTERRUPTED = 130;

const terminal = new Terminal(process.stdout, process.stderr);
try {
  setUmask(process.env.UMASK);
} catch (error) {
  terminal.say(`${describeError(error)}\n`);
  process.exit(1);
}
let stopsInOrder = false;
terminal.closed.addEventListener('abort', () => {
  if (!stopsInOrder) process.exit(0);
});

const context: Context = {
  env: process.env,
  terminal,
  dialogue:
    process.stdin.isTTY && process.stderr.isTTY
      ? dialogueOn(process.stdin, process.stderr, terminal.closed)
      : undefined,
  spell: speller(place(), process.env),
  untilStopped() {
    stopsInOrder = true;
    const stopped = new AbortController();
    let first: number | undefined;
    const onSignal = () => {
      if (first !== undefined && performance.now() - first > SAME_SIGNAL) process.exit(INTERRUPTED);
      first ??= performance.now();
      stopped.abort();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    return AbortSignal.any([stopped.signal, terminal.closed]);
  },
  async run(service, log) {
    stopsInOrder = true;
    await runMain(service, log, terminal.closed);
  },
  exit: (code) => process.exit(code),
};

function place(): Place {
  if (import.meta.url.includes('/node_modules/')) return 'package';
  return existsSync(new URL('../../src', import.meta.url)) ? 'checkout' : 'image';
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const code = await runCli(process.argv.slice(2), version, context);
process.exitCode = terminal.closed.aborted ? 0 : code;

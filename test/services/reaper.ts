import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Ends a private server and removes its folder when the test process is gone, however it went. */
export interface Reaper {
  /** From now on this process group is the one to end; undefined while the server is down. */
  watch(group: number | undefined): void;
  /** Does the same now. */
  release(): Promise<void>;
}

/**
 * Its standard input is a pipe that only the test process holds: it reads the group to watch from it, one line each
 * time, and when the pipe closes it kills that group and removes the folder. An exit handler would not run after
 * kill -9, and a folder removed while its server still writes comes back. (`kill -KILL -- -1` is an error in dash.)
 */
const SCRIPT = `
trap '' INT TERM HUP
group=
while read -r line; do group=$line; done
if [ -n "$group" ]; then
  kill -s KILL -- "-$group"
  tries=0
  while kill -s 0 -- "-$group" && [ $tries -lt 50 ]; do tries=$((tries + 1)); sleep 0.1; done
fi
rm -rf -- "$1"`;

export function startReaper(folder: string): Reaper {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'reaper', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(shell, 'exit');
  return {
    watch: (group) => {
      shell.stdin.write(`${group ?? ''}\n`);
    },
    async release() {
      shell.stdin.end();
      await ended;
    },
  };
}

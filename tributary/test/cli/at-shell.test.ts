import { expect, test } from 'vitest';
import { atShell } from '../../src/cli/shell/at-shell.js';

test.each([
  ['the user of the system', {}, () => ({ username: 'ben' }), 'ben'],
  ['whom AUDIT_ACTOR names', { AUDIT_ACTOR: 'anna' }, () => ({ username: 'ben' }), 'anna'],
  ['the number of a user without a name', {}, unknownUser, `user ${process.getuid?.()}`],
])('is %s', (_what, env, whoRuns, name) => {
  expect(atShell(env, whoRuns).name).toBe(name);
});

/** As `userInfo` of a process whose user is not in /etc/passwd. */
function unknownUser(): never {
  throw new Error('A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)');
}

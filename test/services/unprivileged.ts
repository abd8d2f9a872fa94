import { readFileSync } from 'node:fs';

/**
 * A database refuses to run as root: the user of its package will do, and else `nobody`. Undefined where this process is not root.
 * @param own the user of the package's own service
 */
export function unprivilegedUser(own: string): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of [own, 'nobody']) {
    const [, , uid, gid] = users.find(([user]) => user === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(`a database cannot run as root, and there is no user "${own}" or "nobody" in /etc/passwd`);
}

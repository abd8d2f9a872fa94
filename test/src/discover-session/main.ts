import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Records docs/discover-session.txt: from the address of a json-server to rows, as a person sees it. `npm run discover-session`

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const TRIBUTARY = join(ROOT, 'tributary/dist/cli/main.js');
const SHOWN_PORT = 3000;
/** Milliseconds. */
const PATIENCE = 60_000;

const posts = Array.from({ length: 25 }, (_, index) => ({
  id: index + 1,
  title: ['Hello', 'A second look', 'Notes from Zürich', 'On queues', 'Twice is once'][index % 5],
  author: { name: ['Ada', 'Grace', 'Noël'][index % 3], city: index % 4 === 0 ? null : 'Bern' },
  price: `${(index * 1.37 + 2).toFixed(2)}`,
  tags: ['a', 'b'],
  published: index % 2 === 0,
  updated_at: new Date(Date.UTC(2026, 4, 1, index)).toISOString(),
}));

const folder = mkdtempSync(join(tmpdir(), 'tributary-session-'));
writeFileSync(join(folder, 'db.json'), JSON.stringify({ posts }));
const port = await freePort();
const jsonServer = join(dirname(createRequire(import.meta.url).resolve('json-server/package.json')), 'lib/cli/bin.js');
const server = spawn(
  process.execPath,
  [jsonServer, '--port', String(port), '--host', '127.0.0.1', '--quiet', 'db.json'],
  { cwd: folder, stdio: 'ignore' },
);
try {
  await untilAnswered(`http://127.0.0.1:${port}/posts/1`);
  const lines: string[] = [];
  const begun = performance.now();
  await record(
    lines,
    ['discover', `http://localhost:${port}/posts`],
    `npx tributary discover http://localhost:${SHOWN_PORT}/posts`,
  );
  await record(lines, ['start', '--once'], 'npx tributary start --once');
  lines.push(`(${Math.round((performance.now() - begun) / 1_000)} s in all)`);
  const text = lines
    .join('\n')
    .replaceAll(String(port), String(SHOWN_PORT))
    .replaceAll(folder, '~/demo')
    .replaceAll('npm start -- --once', 'npx tributary start --once');
  writeFileSync(join(ROOT, 'docs/discover-session.txt'), `${text.trimEnd()}\n`);
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}

/** Runs a command, and adds it with all that it prints. @throws Error if it fails */
async function record(lines: string[], args: readonly string[], shown: string): Promise<void> {
  lines.push(`$ ${shown}`);
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [TRIBUTARY, ...args], {
    cwd: folder,
    env: { PATH, HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${shown} exited with ${code}: ${text}`);
  lines.push(text.trimEnd(), '');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}

async function untilAnswered(url: string): Promise<void> {
  for (const begun = Date.now(); Date.now() - begun < PATIENCE; ) {
    const isThere = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} does not answer`);
}

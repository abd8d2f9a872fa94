import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger, noteOfPart, writeNote } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDashboard, type Dashboard } from '../../src/index.js';
import { appendRows, customerHeader, customerLines, partPath, sampleConfig, time, writePart } from '../sample.js';

const log = createLogger({ service: 'dashboard', instance: 'test', level: 'silent' });

interface Page {
  readonly columns: readonly { readonly name: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly total: number;
  readonly facets:
    | readonly { readonly column: string; readonly values: readonly { readonly value: unknown }[] }[]
    | null;
}
interface Summary {
  readonly problems: readonly string[];
  readonly keys: number;
  readonly lastWrittenAt: string | null;
}

let folder: string;
/** Where a download is noted, also by a user with few rights. */
let audits: string;
let dashboard: Dashboard;

async function start(neutraliseFormulas = true): Promise<void> {
  const sample = sampleConfig(folder);
  const config = { ...sample, sink: { ...sample.sink, csv: { ...sample.sink.csv, neutraliseFormulas } } };
  const auditLog = join(audits, 'actions.jsonl');
  dashboard = createDashboard({ config, port: 0, host: '127.0.0.1', instance: 'test', log, auditLog });
  await dashboard.start();
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odd-parts-'));
  await chmod(folder, 0o755);
  audits = await mkdtemp(join(tmpdir(), 'odd-parts-audit-'));
  await chmod(audits, 0o777);
});
afterEach(async () => {
  await dashboard.stop();
  await rm(folder, { recursive: true });
  await rm(audits, { recursive: true });
});

const call = (path: string) => fetch(`${dashboard.url}/api/datasets/customers${path}`);
const summary = async () => (await (await call('')).json()) as Summary;
async function rows(query = ''): Promise<Record<string, unknown>[]> {
  const { columns, rows: found } = (await (await call(`/rows?limit=500&${query}`)).json()) as Page;
  return found.map((row) => Object.fromEntries(row.map((value, index) => [columns[index]?.name ?? '', value])));
}
const keys = async (query = '') =>
  (await rows(query))
    .map(({ _key }) => String(_key))
    .sort()
    .join('');

/** Runs as a user whose rights count: root may read everything. */
async function asOther<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('one part that cannot be read', () => {
  it('is named with the reason, and the rows of the others are shown; it is read as soon as it can be', async () => {
    await writePart(folder, [{ key: 'a', at: 1 }], 'one');
    await chmod(await writePart(folder, [{ key: 'b', at: 2 }], 'two'), 0);
    await start();
    await asOther(async () => {
      expect(await keys()).toBe('a');
      expect((await summary()).problems).toEqual([
        expect.stringMatching(/^part-two-1\.csv cannot be read: .*EACCES.*; its rows are left out until it can be$/),
      ]);
      // Half a file would be taken for the whole.
      const download = await call('.csv');
      expect(download.status).toBe(503);
      expect(await download.text()).toContain('part-two-1.csv cannot be read');
      // Where this machine has its files is nothing for viewers.
      expect(JSON.stringify(await summary())).not.toContain(folder);
      expect(await (await call('.csv')).text()).not.toContain(folder);
      expect((await call('/parts/part-one-1.csv')).status).toBe(200);
    });
    await chmod(partPath(folder, 'two'), 0o644);
    expect(await keys()).toBe('ab');
    expect((await summary()).problems).toEqual([]);
  });

  it('is left out also if its rows were shown before, however they are asked for', async () => {
    await writePart(folder, [{ key: 'a', at: 1, values: { note: 'needle' } }], 'one');
    await writePart(folder, [{ key: 'b', at: 2, values: { note: 'needle' } }], 'two');
    await start();
    expect(await keys()).toBe('ab');
    await chmod(partPath(folder, 'two'), 0);
    await asOther(async () => {
      expect(await keys()).toBe('a');
      expect(await keys('search=needle')).toBe('a');
      expect(await keys('sort=name')).toBe('a');
      expect((await summary()).problems[0]).toContain('part-two-1.csv cannot be read');
      expect((await call('.csv')).status).toBe(503);
    });
    await chmod(partPath(folder, 'two'), 0o644);
    await expect.poll(() => keys()).toBe('ab');
    expect((await summary()).problems).toEqual([]);
  });

  it('may be a link that leads nowhere it can be followed', async () => {
    await writePart(folder, [{ key: 'a', at: 1 }], 'one');
    const loop = partPath(folder, 'loop');
    await symlink(loop, loop);
    await start();
    expect(await keys()).toBe('a');
    expect((await summary()).problems).toEqual([expect.stringMatching(/^part-loop-1\.csv cannot be read: .*ELOOP/)]);
    expect(JSON.stringify(await summary())).not.toContain(folder);
  });

  it('may have more columns than can be shown, also in several parts, and is left out then', async () => {
    await writePart(folder, [{ key: 'a', at: 1 }], 'one');
    const line = (await customerLines(folder, [{ key: 'b', at: 2 }])).trimEnd();
    const names = Array.from({ length: 1_100 }, (_, index) => `c${index}`);
    const header = customerHeader(folder).trimEnd();
    await writeFile(partPath(folder, 'wide'), `${header},${names.join(',')}\r\n${line}${','.repeat(1_100)}\r\n`);
    await start();
    expect(await keys()).toBe('a');
    expect((await summary()).problems).toEqual([
      expect.stringContaining('part-wide-1.csv is left out: it has too many'),
    ]);
  });

  it('may be torn: lines that are none are counted and named, and what is not whole is not shown', async () => {
    await writePart(folder, [{ key: 'a', at: 1 }], 'one');
    const torn = await writePart(folder, [{ key: 'b', at: 2 }], 'two');
    await appendRows(folder, [{ key: 'c', at: 3 }], 'two');
    // As after a loss of power: the end of the file is there, and holds nothing.
    await truncate(torn, 10_000);
    await writeFile(partPath(folder, 'three'), '\0'.repeat(500));
    await writeFile(partPath(folder, 'four'), `${customerHeader(folder)}half,a,line\r\n`);
    await start();
    expect(await keys()).toBe('abc');
    const { problems } = await summary();
    expect(problems.join('\n')).toMatch(/1 line is left out: part-four-1\.csv, at byte \d+, has 3 cells/);
  });
});

describe('a row with a time of writing that JavaScript does not hold', () => {
  it.each(['infinity', '-infinity', '290000-01-01', '275761-01-01T00:00:00.000Z', '290000-01-01 (BC)', 'soon'])(
    'is shown, and costs nobody the others: %s',
    async (written) => {
      await writePart(folder, [{ key: 'a', at: 1 }], 'one');
      const line = await customerLines(folder, [{ key: 'b', at: 2 }]);
      const odd = line.replace(/[^,]*\r\n$/, `${written}\r\n`);
      await writeFile(partPath(folder, 'two'), customerHeader(folder) + odd);
      await start();
      expect(await keys()).toBe('ab');
      expect(await summary()).toMatchObject({ keys: 2, lastWrittenAt: time(1), problems: [] });
      expect((await call('/versions/b')).status).not.toBe(500);
      expect((await fetch(`${dashboard.url}/api/datasets`)).status).toBe(200);
      expect((await fetch(`${dashboard.url}/api/flow`)).status).toBe(200);
    },
  );
});

describe('a part that was written when formulas were neutralised, or not', () => {
  const TEXTS = ['=1+1', "'=1+1", "''=1+1", '@x', 'plain', '-5', 'a;=2', "b;'=2"];

  /** Writes one part with its formulas neutralised and one without, each with these texts. */
  async function writeBoth(): Promise<void> {
    for (const [writer, neutralise] of [
      ['neutral', true],
      ['plain', false],
    ] as const) {
      await writePart(
        folder,
        TEXTS.map((note, index) => ({
          key: `${writer}${index}`,
          at: index + 1,
          values: { note, name: `=${writer}${index}` },
        })),
        writer,
        1,
        neutralise,
      );
      const note = noteOfPart(folder, 'customers', `part-${writer}-1.csv`);
      await mkdir(join(note, '..'), { recursive: true });
      await writeFile(note, `${writeNote(neutralise)}\nmade x\n`);
    }
  }

  it.each([true, false])('is shown as it was written, whatever the setting says now: %s', async (now) => {
    await writeBoth();
    await start(now);
    const notes = async (query = '') =>
      (await rows(query)).map(({ _key, note, name }) => `${String(_key)} ${String(name)} ${String(note)}`).sort();
    const all = ['neutral', 'plain'].flatMap((writer) =>
      TEXTS.map((note, index) => `${writer}${index} =${writer}${index} ${note}`),
    );
    expect(await notes()).toEqual(all.sort());
    const of = (note: string) => all.filter((line) => line.endsWith(` ${note}`));
    for (const note of TEXTS) {
      expect(await notes(`where=${encodeURIComponent(`note:is:${note}`)}`)).toEqual(of(note));
    }
    expect(await notes('where=name:is:%3Dplain3')).toHaveLength(1);
    expect(await notes('search=a%3B%3D2')).toEqual(of('a;=2'));
    expect(await notes(`search=${encodeURIComponent("b;'=2")}`)).toEqual(of("b;'=2"));
    const sorted = (await rows('sort=note')).map(({ note }) => note);
    expect(sorted).toEqual([...sorted].sort());
    const lines = (await (await call('.ndjson')).text()).trim().split('\n');
    const downloaded = lines.map((line) => JSON.parse(line) as { _key: string; note: string; name: string });
    expect(downloaded.map(({ _key, note, name }) => `${_key} ${name} ${note}`).sort()).toEqual(all);
    // One file is written in one way: that of now.
    const csv = await (await call(`.csv?where=${encodeURIComponent('note:is:=1+1')}`)).text();
    expect(
      csv
        .split('\r\n')
        .slice(1, 3)
        .map((line) => line.includes("'=1+1")),
    ).toEqual([now, now]);
  });
});

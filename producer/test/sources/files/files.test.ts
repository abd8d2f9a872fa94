import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { describeSource } from '../conformance.js';
import { idsIn, stageOf } from './stage.js';

let numbers = 0;

describeSource('files', async () => {
  const { endpoint, source, folder } = await stageOf({ chunk: 10 });
  const [there, away] = [join(folder, 'in'), join(folder, 'away')];
  return {
    endpoint,
    source,
    goesByPlace: true,
    secret: 'there is none',
    now: () => systemClock.now(),
    async put(records) {
      const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
      await writeFile(join(there, `${++numbers}.ndjson`), lines);
    },
    async goAway() {
      await rename(there, away);
      return () => rename(away, there);
    },
  };
});

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `${from + index},name ${from + index}\n`).join('');

describe('a folder of files', () => {
  test('each file is read once, in the order of their times, and what is new or another is read when it is there', async () => {
    const { write, poll } = await stageOf({ path: 'FOLDER/in/**/*.csv' });
    await write('b.csv', `id,name\n${rows(0, 3)}`, 1);
    await write('deep/er/a.csv', `id,name\n${rows(3, 5)}`, 2);
    await write('other.txt', 'not for us');
    const first = await poll();
    expect(idsIn(first.records)).toEqual(['0', '1', '2', '3', '4']);
    expect(first.inputs).toMatchObject([
      { name: 'b.csv', outcome: 'read', records: 3, bad: 0, sha256: sha256(`id,name\n${rows(0, 3)}`) },
      { name: 'deep/er/a.csv', outcome: 'read', records: 2, bad: 0 },
    ]);
    expect((await poll()).records).toEqual([]);
    await write('c.csv', `id,name\n${rows(5, 6)}`, 3);
    expect(idsIn((await poll()).records)).toEqual(['5']);
    await write('b.csv', `id,name\n${rows(0, 4)}`, 4);
    expect(idsIn((await poll()).records)).toEqual(['0', '1', '2', '3']);
  });

  test('a file that only got another time is not read again', async () => {
    const { write, poll } = await stageOf();
    await write('a.csv', `id,name\n${rows(0, 3)}`, 1);
    await poll();
    await write('a.csv', `id,name\n${rows(0, 3)}`, 9);
    expect((await poll()).records).toEqual([]);
    await write('a.csv', `id,name\n${rows(6, 9)}`, 10);
    expect(idsIn((await poll()).records)).toEqual(['6', '7', '8']);
  });

  test('goes on in the middle of a file, at the byte or behind what was unpacked, where the run before ended', async () => {
    for (const [name, pack] of [
      ['a.csv', (text: string) => Buffer.from(text)],
      ['a.csv.gz', (text: string) => gzipSync(text)],
      ['wide.csv', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
    ] as const) {
      const { write, read, poll, source } = await stageOf({ chunk: 10 });
      await write(name, pack(`id,name\n${rows(0, 95)}`));
      const whole = await poll();
      expect(idsIn(whole.records)).toHaveLength(95);
      const state = (whole.place as { files: readonly object[] }).files[0];
      const half = { at: `id,name\n${rows(0, 40)}`.length, number: 41, records: 40, done: false, sha256: undefined };
      const place = { files: [{ ...state, ...half }] };
      const pages = await read({ place });
      expect(idsIn(pages.flatMap(({ records }) => records)), name).toEqual(idsIn(whole.records.slice(40)));
      expect(pages.flatMap(({ inputs = [] }) => inputs)).toMatchObject([
        { records: 95, sha256: sha256(pack(`id,name\n${rows(0, 95)}`)) },
      ]);
      expect(source.countsPages).toBe(false);
    }
  });

  test('a file that grows is read on from the byte where it stopped, whole lines only', async () => {
    const { write, poll, doubts } = await stageOf({ append: true });
    const path = await write('log.csv', `id,name\n${rows(0, 3)}3,na`);
    expect(idsIn((await poll()).records)).toEqual(['0', '1', '2']);
    await appendFile(path, 'me 3\n4,"na\n');
    expect(idsIn((await poll()).records)).toEqual(['3']);
    await appendFile(path, 'me 4"\n');
    expect((await poll()).records).toEqual([{ id: '4', name: 'na\nme 4' }]);
    expect(doubts).toEqual([]);
    await truncate(path, 20);
    expect(idsIn((await poll()).records)).toEqual(['0']);
    expect(doubts).toEqual([expect.stringContaining('it shrank')]);
    await writeFile(path, `id,name\n${rows(50, 60)}`);
    expect(idsIn((await poll()).records)).toHaveLength(10);
    expect(doubts.at(-1)).toContain('no longer begins as it did');
  });

  test('a file is not touched before it has settled, or before its marker lies beside it', async () => {
    const settling = await stageOf({ settle: '1h' });
    await writeFile(join(settling.folder, 'in', 'new.csv'), 'id,name\n1,x\n');
    await settling.write('old.csv', 'id,name\n2,x\n');
    const pages = await settling.read({ attended: true });
    expect(idsIn(pages.flatMap(({ records }) => records))).toEqual(['2']);
    expect(pages.flatMap(({ inputs = [] }) => inputs)).toContainEqual(
      expect.objectContaining({ name: 'new.csv', outcome: 'waiting' }),
    );
    const marked = await stageOf({ path: 'FOLDER/in/*', marker: '.done' });
    await marked.write('a.csv', 'id,name\n1,x\n');
    await marked.write('.b.csv', 'id,name\n9,x\n');
    await marked.write('c.csv.part', 'id,name\n9,x\n');
    expect((await marked.poll()).records).toEqual([]);
    await marked.write('a.csv.done', '');
    expect(idsIn((await marked.poll()).records)).toEqual(['1']);
  });

  test('what is in a file that is still being written, or cannot be read, does not count as missing', async () => {
    const { write, poll, folder } = await stageOf({ marker: '.done', deletes: { missing: true } });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await write('1.csv.done', '');
    expect((await poll()).pages.at(-1)?.doubt).toBeUndefined();
    await write('2.csv', 'id,name\n2,x\n', 2);
    expect((await poll()).pages.at(-1)?.doubt).toBe('2.csv is still being written');
    await write('2.csv.done', '');
    expect((await poll()).pages.at(-1)?.doubt).toBeUndefined();
    await symlink('nowhere', join(folder, 'in', '3.csv'));
    expect((await poll()).pages.at(-1)?.doubt).toContain('3.csv was not read');
  });

  test('tells how far it has come: the place in the file, what is ahead of it, not whole, and cannot be read', async () => {
    const { write, poll, readings, folder } = await stageOf({ marker: '.done', chunk: 1_000 });
    for (const [minute, name] of ['a.csv', 'b.csv', 'c.csv'].entries()) {
      await write(name, `id,name\n${rows(0, 2_000)}`, minute);
      if (name !== 'c.csv') await write(`${name}.done`, '', minute);
    }
    await symlink('nowhere', join(folder, 'in', 'd.csv'));
    const { size: bytes } = await stat(join(folder, 'in', 'a.csv'));
    await poll();
    const others = { waiting: 1, refused: 1, firstRefused: 'd.csv' };
    expect(readings.at(0)).toEqual({ file: { name: 'a.csv', readBytes: bytes, bytes }, ahead: 1, ...others });
    expect(readings.some(({ file, ahead }) => file?.name === 'b.csv' && ahead === 0)).toBe(true);
    expect(readings.at(-1)).toEqual({ file: undefined, ahead: 0, ...others });
  });

  test('waits for a file to settle within the run', async () => {
    const { folder, poll } = await stageOf({ settle: '200ms' });
    await writeFile(join(folder, 'in', 'new.csv'), 'id,name\n1,x\n');
    expect(idsIn((await poll()).records)).toEqual(['1']);
  });

  test('what cannot be read is told and counted, and costs no other file', async () => {
    const { folder, write, poll, doubts } = await stageOf({ path: 'FOLDER/in/**' });
    await write('good.csv', 'id,name\n1,x\n', 5);
    await write('broken.csv.gz', Buffer.from('1f8b0800', 'hex'));
    await write('docs.csv', Buffer.from('PK\x03\x04 and so on', 'latin1'));
    await write('wrong.json', 'id,name\n1,x\n');
    await write('fake.parquet', 'id,name\n1,x\n');
    await symlink(join(folder, 'in', 'loop'), join(folder, 'in', 'loop'));
    await symlink(folder, join(folder, 'in', 'up'));
    await symlink('nowhere', join(folder, 'in', 'dangling'));
    execFileSync('mkfifo', [join(folder, 'in', 'pipe.csv')]);
    const { records, inputs } = await poll();
    expect(idsIn(records)).toEqual(['1']);
    const refused = inputs.filter(({ outcome }) => outcome === 'refused').map(({ name }) => name);
    expect(refused.toSorted()).toEqual(
      ['broken.csv.gz', 'dangling', 'docs.csv', 'fake.parquet', 'loop', 'pipe.csv', 'up', 'wrong.json'].toSorted(),
    );
    expect(doubts).toHaveLength(8);
    // It is told once.
    await poll();
    expect(doubts).toHaveLength(8);
  });

  test('a file whose name is not UTF-8 is told: it cannot be opened by that name', async () => {
    const { folder, write, poll, doubts } = await stageOf({});
    await write('good.csv', 'id,name\n1,x\n', 5);
    await writeFile(Buffer.from(join(folder, 'in', 'caf\xe9.csv'), 'latin1'), 'id,name\n2,x\n');
    const { records, inputs } = await poll();
    expect(idsIn(records)).toEqual(['1']);
    expect(inputs.filter(({ outcome }) => outcome === 'refused')).toMatchObject([{ name: 'caf\ufffd.csv' }]);
    expect(doubts.join()).toContain('its name is not UTF-8');
  });

  test.each(['FOLDER/in/**', 'FOLDER/in/*.csv'])('a file with a line break in its name is read: %s', async (path) => {
    const { write, poll } = await stageOf({ path });
    for (const [index, name] of ['a\nb.csv', 'a\rb.csv', 'a\u2028b.csv'].entries())
      await write(name, `id,name\n${index},x\n`, 5);
    expect(idsIn((await poll()).records).toSorted()).toEqual(['0', '1', '2']);
  });

  test('a link that leads out of the folder is told and not read, unless the settings allow it', async () => {
    const outside = async (settings: object) => {
      const stage = await stageOf({ path: 'FOLDER/in/*', ...settings });
      await writeFile(join(stage.folder, 'secret.csv'), 'id,name\nsecret,x\n');
      await stage.write('1.csv', 'id,name\n1,x\n', 1);
      await symlink('1.csv', join(stage.folder, 'in', '2.csv'));
      await symlink('../secret.csv', join(stage.folder, 'in', '3.csv'));
      await mkdir(join(stage.folder, 'in-other'));
      await writeFile(join(stage.folder, 'in-other', 'x.csv'), 'id,name\nneighbour,x\n');
      await symlink('../in-other/x.csv', join(stage.folder, 'in', '4.csv'));
      await symlink('/proc/self/environ', join(stage.folder, 'in', '5.csv'));
      return stage;
    };
    const { poll, doubts } = await outside({});
    const { records, inputs } = await poll();
    expect(idsIn(records)).toEqual(['1', '1']);
    const refused = inputs.filter(({ outcome }) => outcome === 'refused').map(({ name }) => name);
    expect(refused.toSorted()).toEqual(['3.csv', '4.csv', '5.csv']);
    expect(doubts).toHaveLength(3);
    expect(doubts[0]).toMatch(/the file 3\.csv of .*link_outside.*leads out of the folder.*followLinks: true/);
    const allowed = await outside({ followLinks: true, path: 'FOLDER/in/[1-4].csv' });
    expect(idsIn((await allowed.poll()).records).toSorted()).toEqual(['1', '1', 'neighbour', 'secret']);
  });

  test('a link that is put in the place of a file after the folder was listed is not read', async () => {
    for (const settings of [{}, { append: true }]) {
      const { folder, write, source, doubts } = await stageOf({ path: 'FOLDER/in/*.csv', chunk: 1, ...settings });
      await writeFile(join(folder, 'secret.csv'), 'id,name\nsecret,x\n');
      await write('1.csv', 'id,name\n1,x\n2,x\n', 1);
      const second = await write('2.csv', 'id,name\n3,x\n', 2);
      const read: unknown[] = [];
      for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
        if (read.length === 0) {
          await rm(second);
          await symlink(join(folder, 'secret.csv'), second);
        }
        read.push(...page.records);
      }
      expect(idsIn(read)).toEqual(['1', '2']);
      expect(doubts).toEqual([expect.stringMatching(/the file 2\.csv .*leads out of the folder/)]);
    }
  });

  test('a file that shrinks, or is replaced, while it is read is told, and read anew', async () => {
    for (const [harm, told] of [
      [(path: string) => truncate(path, 100_000), 'it shrank'],
      [
        (path: string) => writeFile(`${path}.tmp`, `id,name\n${rows(0, 10)}`).then(() => rename(`${path}.tmp`, path)),
        'another file was put in its place',
      ],
      [(path: string) => appendFile(path, '9,9\n'), 'written to'],
      [(path: string) => rm(path), 'it was removed'],
    ] as const) {
      const { write, source, doubts, poll } = await stageOf({ chunk: 10, path: 'FOLDER/in/*.csv' });
      const path = await write(
        'a.csv',
        `id,name\n${Array.from({ length: 5_000 }, (_, id) => `${id},${'x'.repeat(1_000)}\n`).join('')}`,
      );
      let isFirst = true;
      let records = 0;
      for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
        records += page.records.length;
        if (isFirst) await harm(path);
        isFirst = false;
      }
      expect(records).toBeGreaterThan(0);
      expect(doubts.join(), told).toContain(told);
      await poll();
    }
  });

  test('of files that each hold everything only the newest is read, and nothing if it is known', async () => {
    const { write, poll } = await stageOf({ newest: true, deletes: { missing: true } });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await write('2.csv', 'id,name\n2,x\n', 2);
    expect(idsIn((await poll()).records)).toEqual(['2']);
    const second = await poll();
    expect(second.pages).toMatchObject([{ records: [], notModified: true }]);
  });

  test('all files are read again when one of them changes, where what is missing is deleted', async () => {
    const { write, poll } = await stageOf({ deletes: { missing: true } });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await write('2.csv', 'id,name\n2,x\n', 2);
    await poll();
    await write('3.csv', 'id,name\n3,x\n', 3);
    expect(idsIn((await poll()).records)).toEqual(['1', '2', '3']);
    expect((await poll()).pages[0]?.notModified).toBe(true);
  });

  test('files that were read are moved away, and read there by a poll of everything', async () => {
    const { folder, write, poll, read } = await stageOf({ after: { move: 'FOLDER/read' } });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await poll();
    await expect(stat(join(folder, 'in', '1.csv'))).rejects.toThrow();
    expect((await stat(join(folder, 'read', '1.csv'))).size).toBe(12);
    await write('2.csv', 'id,name\n2,x\n', 2);
    expect(idsIn((await poll()).records)).toEqual(['2']);
    const all = await read({ place: undefined });
    expect(idsIn(all.flatMap(({ records }) => records))).toEqual(['1', '2']);
  });

  test('a file that was put in the place of one that was read is read before it is moved, and one that was refused stays', async () => {
    const { folder, write, read, source } = await stageOf({ after: { move: 'FOLDER/read' } });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await write('2.csv', 'id,name\n2,x\n', 2);
    await write('docs.csv', Buffer.from('PK\x03\x04 and so on', 'latin1'), 3);
    const first = await read();
    expect(idsIn(first.flatMap(({ records }) => records))).toEqual(['1', '2']);
    // RabbitMQ confirms, and the place is saved; meanwhile the next file of the name comes.
    await write('.next', 'id,name\n3,x\n', 4);
    await rename(join(folder, 'in', '.next'), join(folder, 'in', '1.csv'));
    await source.saved?.(new AbortController().signal);
    expect(await readdir(join(folder, 'in'))).toEqual(['1.csv', 'docs.csv']);
    expect(await readdir(join(folder, 'read'))).toEqual(['2.csv']);
    const second = await read({ place: first.at(-1)?.place });
    expect(idsIn(second.flatMap(({ records }) => records))).toEqual(['3']);
    await source.saved?.(new AbortController().signal);
    expect(await readdir(join(folder, 'in'))).toEqual(['docs.csv']);
    expect((await readdir(join(folder, 'read'))).toSorted()).toEqual(['1.csv', '2.csv']);
  });

  test('a marker goes with its file, so that it says nothing of the next file of the name', async () => {
    const { folder, write, poll, read } = await stageOf({ marker: '.done', after: { move: 'FOLDER/read' } });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await write('1.csv.done', '');
    expect(idsIn((await poll()).records)).toEqual(['1']);
    await write('1.csv', 'id,name\n2,hal', 2);
    expect((await poll()).records).toEqual([]);
    await write('1.csv', 'id,name\n2,half\n', 3);
    await write('1.csv.done', '');
    expect((await poll()).records).toEqual([{ id: '2', name: 'half' }]);
    expect(await readdir(join(folder, 'in'))).toEqual([]);
    const all = await read({ place: undefined });
    expect(idsIn(all.flatMap(({ records }) => records))).toEqual(['1', '2']);
  });

  test('a file whose marker was moved before the process ended is moved too, and not read again', async () => {
    const { folder, write, poll } = await stageOf({ marker: '.done', after: { move: 'FOLDER/read' } });
    await writeFile(join(folder, 'read'), 'no folder yet');
    await write('1.csv', 'id,name\n1,x\n', 1);
    await write('1.csv.done', '');
    expect(idsIn((await poll()).records)).toEqual(['1']);
    await rm(join(folder, 'read'));
    await rm(join(folder, 'in', '1.csv.done'));
    expect((await poll()).records).toEqual([]);
    expect(await readdir(join(folder, 'in'))).toEqual([]);
  });

  test('a file that is written to after it was listed is not read before it has settled again', async () => {
    const { write, source, doubts, poll } = await stageOf({ chunk: 10 });
    await write('1.csv', `id,name\n${rows(0, 100)}`, 1);
    const path = await write('2.csv', 'id,name\n200,Miller\n', 2);
    const read: unknown[] = [];
    for await (const page of source.pages({ validators: [], signal: new AbortController().signal })) {
      if (read.length === 0) await writeFile(path, 'id,name\n201,Mil');
      read.push(...page.records);
    }
    expect(idsIn(read)).not.toContain('201');
    expect(doubts.join()).toContain('after it was listed');
    await writeFile(path, 'id,name\n201,Miller\n');
    expect((await poll()).records).toContainEqual({ id: '201', name: 'Miller' });
  });

  test('raw files are kept unchanged before they are read, with their hash, and two of one name beside each other', async () => {
    const { folder, write, poll } = await stageOf({ archive: 'FOLDER/raw/{{date}}' });
    await write('1.csv', 'id,name\n1,x\n', 1);
    const { inputs } = await poll();
    const [at = ''] = inputs.map(({ archived }) => archived);
    expect(at).toMatch(/raw\/\d{4}-\d\d-\d\d\/1.csv$/);
    expect(await readFile(at, 'utf8')).toBe('id,name\n1,x\n');
    expect(await readFile(`${at}.sha256`, 'utf8')).toBe(`${sha256('id,name\n1,x\n')}  1.csv\n`);
    await write('1.csv', 'id,name\n2,y\n', 2);
    const second = await poll();
    expect(second.inputs[0]?.archived).toContain(`1.csv.${sha256('id,name\n2,y\n').slice(0, 12)}`);
    expect(await readFile(at, 'utf8')).toBe('id,name\n1,x\n');
    expect(folder).not.toBe('');
  });

  test('what the broker lost of files that are gone, or another by now, is read in the archive, with their names and times', async () => {
    const { write, poll, read, doubts, folder } = await stageOf(
      { archive: 'FOLDER/raw/{{date}}', map: { id: '$.id', name: '$.$file', updatedAt: '$.$modified' } },
      {},
    );
    await write('gone.csv', 'id,name\n1,x\n', 1);
    await write('other.csv', 'id,name\n2,x\n', 2);
    await write('stays.csv', 'id,name\n3,x\n', 3);
    const { place } = await poll();
    await rm(join(folder, 'in', 'gone.csv'));
    await write('other.csv', 'id,name\n4,x\n', 4);
    const pages = await read({ place: undefined, lost: place });
    expect(pages.flatMap(({ records }) => records)).toMatchObject([
      { id: '1', $file: 'gone.csv', $modified: '2026-01-01T00:01:00.000Z' },
      { id: '2', $file: 'other.csv', $modified: '2026-01-01T00:02:00.000Z' },
      { id: '3', $file: 'stays.csv' },
      { id: '4', $file: 'other.csv', $modified: '2026-01-01T00:04:00.000Z' },
    ]);
    expect(doubts).toEqual([
      expect.stringMatching(/gone\.csv .*its copy in the archive is read/),
      expect.stringMatching(/other\.csv .*its copy in the archive is read/),
    ]);
    // Nothing is saved before all copies are read, and they stay known, in case that they are lost once more.
    expect(pages.findIndex((page) => page.place !== undefined)).toBeGreaterThanOrEqual(2);
    const again = await read({ place: undefined, lost: pages.at(-1)?.place });
    expect(idsIn(again.flatMap(({ records }) => records))).toEqual(['1', '3', '4']);
    // Without a loss, a poll of everything reads what is there.
    expect(idsIn((await read({ place: undefined })).flatMap(({ records }) => records))).toEqual(['3', '4']);
  });

  test('a full state that is gone is not read in the archive, whatever was lost; a copy that is gone is told', async () => {
    const settings = { archive: 'FOLDER/raw' };
    const whole = await stageOf({ ...settings, deletes: { missing: true } });
    await whole.write('a.csv', 'id,name\n1,x\n', 1);
    const { place } = await whole.poll();
    await rm(join(whole.folder, 'in', 'a.csv'));
    expect((await whole.read({ place: undefined, lost: place })).flatMap(({ records }) => records)).toEqual([]);
    const drop = await stageOf(settings);
    await drop.write('a.csv', 'id,name\n1,x\n', 1);
    const { place: lost } = await drop.poll();
    await rm(join(drop.folder, 'in', 'a.csv'));
    await rm(join(drop.folder, 'raw'), { recursive: true });
    const pages = await drop.read({ place: undefined, lost });
    expect(pages.flatMap(({ inputs = [] }) => inputs)).toMatchObject([{ name: 'a.csv', outcome: 'refused' }]);
  });

  test('two endpoints that archive files of one name at the same time keep both', async () => {
    const shared = await stageOf({ archive: 'FOLDER/raw' });
    const archive = join(shared.folder, 'raw');
    const stages = [shared, await stageOf({ archive }), await stageOf({ archive })];
    const contents = stages.map((_, index) => `id,name\n${rows(index, 20_000 + index)}`);
    await Promise.all(stages.map(({ write }, index) => write('1.csv', contents[index] ?? '', 1)));
    const polls = await Promise.all(stages.map(({ poll }) => poll()));
    const kept = await Promise.all(polls.map(({ inputs }) => readFile(inputs[0]?.archived ?? '', 'utf8')));
    expect(kept.map((content) => sha256(content))).toEqual(contents.map((content) => sha256(content)));
    for (const { inputs } of polls) {
      const note = await readFile(`${inputs[0]?.archived}.sha256`, 'utf8');
      expect(note.split(' ')[0]).toBe(inputs[0]?.sha256);
    }
  });

  test('a file that cannot be archived is not read', async () => {
    const { folder, write, read } = await stageOf({ archive: 'FOLDER/raw' });
    await write('1.csv', 'id,name\n1,x\n', 1);
    await writeFile(join(folder, 'raw'), 'a file is in the way');
    await expect(read()).rejects.toMatchObject({ name: 'RetryableError', code: 'archive_failed' });
  });

  test('records hold their file, line and time where a field asks for them', async () => {
    const fields = {
      id: 'string',
      name: 'string',
      file: 'string $.$file',
      line: 'integer $.$line',
      at: 'datetime $.$modified',
    };
    const entities = { entities: { customer: { dataset: 'd', queue: 'q', key: 'id', version: 'at', fields } } };
    const { write, poll } = await stageOf({}, entities);
    await write('a.csv', 'id,name\n1,x\n2,y\n', 7);
    expect((await poll()).records).toEqual([
      { id: '1', name: 'x', $file: 'a.csv', $line: 2, $modified: '2026-01-01T00:07:00.000Z' },
      { id: '2', name: 'y', $file: 'a.csv', $line: 3, $modified: '2026-01-01T00:07:00.000Z' },
    ]);
  });

  test('an unreadable folder fails the poll with its name', async () => {
    const { folder, read } = await stageOf({ path: 'FOLDER/nowhere/*.csv' });
    await mkdir(join(folder, 'x'));
    await expect(read()).rejects.toThrow(/drop: the folder .*nowhere is not there/);
  });

  test('a clock that is behind does not hide files: they settle by being looked at', async () => {
    const { folder, poll } = await stageOf({ settle: '50ms' });
    const path = join(folder, 'in', 'a.csv');
    await writeFile(path, 'id,name\n1,x\n');
    const future = new Date(Date.now() + 3_600_000);
    await utimes(path, future, future);
    expect(idsIn((await poll()).records)).toEqual(['1']);
  });
});

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

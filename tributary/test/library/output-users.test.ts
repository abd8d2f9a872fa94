import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { otherPipelines } from '../../src/library/output-users.js';

function folderWith(...names: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-users-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of names) writeFileSync(join(folder, name), '');
  return folder;
}

test('a pipeline is told which others wrote into the folder of its rows, as long as they are there', async () => {
  const folder = folderWith('a.yaml', 'b.yaml');
  const [output, a, b] = [join(folder, 'output'), join(folder, 'a.yaml'), join(folder, 'b.yaml')];
  expect(await otherPipelines(output, a)).toEqual([]);
  expect(await otherPipelines(output, a)).toEqual([]);
  expect(await otherPipelines(output, b)).toEqual([a]);
  expect(await otherPipelines(output, a)).toEqual([b]);
  rmSync(b);
  expect(await otherPipelines(output, a)).toEqual([]);
});

test('a folder that is moved with its pipeline file has still one pipeline', async () => {
  const folder = folderWith('a.yaml');
  await otherPipelines(join(folder, 'output'), join(folder, 'a.yaml'));
  const moved = `${folder}-moved`;
  renameSync(folder, moved);
  onTestFinished(() => rmSync(moved, { recursive: true, force: true }));
  expect(await otherPipelines(join(moved, 'output'), join(moved, 'a.yaml'))).toEqual([]);
});

test('what is no list of files is replaced', async () => {
  const folder = folderWith('a.yaml', 'b.yaml');
  const output = join(folder, 'output');
  await otherPipelines(output, join(folder, 'a.yaml'));
  writeFileSync(join(output, '.tributary', 'pipelines.json'), 'torn {');
  expect(await otherPipelines(output, join(folder, 'b.yaml'))).toEqual([]);
  expect(await otherPipelines(output, join(folder, 'a.yaml'))).toEqual([join(folder, 'b.yaml')]);
});

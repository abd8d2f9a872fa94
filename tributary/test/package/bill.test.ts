import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Bill, billOf } from '../../src/package/bill.js';
import { BUNDLED, readManifest } from '../../src/package/stage.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const component = (ref: string) => ({ 'bom-ref': ref, purl: `pkg:npm/${ref}` });

test('The bill holds what runs, also what another workspace has for its tests alone, and nothing that only develops it', () => {
  const bill: Bill = {
    metadata: { component: component('all@1.0.0') },
    components: ['app@1.0.0', '@own/lib@1.0.0', 'tests@1.0.0', 'amqp@2.0.0', 'deep@3.0.0', 'vitest@4.0.0'].map(
      component,
    ),
    dependencies: [
      { ref: 'all@1.0.0', dependsOn: ['app@1.0.0', 'tests@1.0.0', 'vitest@4.0.0'] },
      { ref: 'app@1.0.0', dependsOn: ['@own/lib@1.0.0', 'vitest@4.0.0'] },
      { ref: '@own/lib@1.0.0', dependsOn: ['amqp@2.0.0'] },
      { ref: 'amqp@2.0.0', dependsOn: ['deep@3.0.0'] },
      { ref: 'tests@1.0.0', dependsOn: ['amqp@2.0.0', 'vitest@4.0.0'] },
    ],
  };
  const manifests = new Map([
    ['app', { version: '1.0.0', dependencies: { '@own/lib': '1.0.0' }, devDependencies: { vitest: '4' } }],
    ['@own/lib', { version: '1.0.0', dependencies: { amqp: '2' } }],
  ]);
  const found = billOf(bill, manifests);
  expect(found.metadata.component).toEqual(component('app@1.0.0'));
  expect(found.components).toEqual(['@own/lib@1.0.0', 'amqp@2.0.0', 'deep@3.0.0'].map(component));
  expect(found.dependencies.map(({ ref, dependsOn }) => [ref, ...dependsOn])).toEqual([
    ['app@1.0.0', '@own/lib@1.0.0'],
    ['@own/lib@1.0.0', 'amqp@2.0.0'],
    ['amqp@2.0.0', 'deep@3.0.0'],
  ]);
  const missing = { ...bill, components: bill.components.slice(0, -2) };
  expect(() => billOf(missing, manifests)).toThrow('deep@3.0.0 is not installed');
});

test('The bill of this repository names all that its services ask for, and no tool of its developers', () => {
  const options = { cwd: ROOT, maxBuffer: 64 * 1024 ** 2, encoding: 'utf8' } as const;
  const bill = JSON.parse(execFileSync('npm', ['sbom', '--sbom-format=cyclonedx'], options)) as Bill;
  const manifests = ['tributary', ...BUNDLED].map((folder) => readManifest(`${ROOT}${folder}`));
  const { components } = billOf(bill, new Map(manifests.map((one) => [String(one.name), one])));
  const names = new Set(components.map(({ 'bom-ref': ref }) => ref.slice(0, ref.lastIndexOf('@'))));
  expect(manifests.flatMap(({ dependencies }) => Object.keys(dependencies)).filter((name) => !names.has(name))).toEqual(
    [],
  );
  const root = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { devDependencies: Record<string, string> };
  const tools = Object.keys(root.devDependencies).filter((name) => !name.startsWith('@types/'));
  expect(tools.filter((name) => names.has(name))).toEqual([]);
});

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipeline } from '@tributary/shared';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { read } from '../docs/documents.js';
import {
  FOLDER,
  kubectl,
  type Manifest,
  manifestFiles,
  OVERLAYS,
  readManifests,
  render,
  renderOverlay,
} from './support/manifests.js';
import { misspelledIn } from './support/misspelled.js';
import { modelFor } from './support/models.js';

function checkAll(manifests: readonly Manifest[]): void {
  for (const manifest of manifests) {
    const name = `${manifest.kind} ${manifest.metadata.name}`;
    expect(() => modelFor(manifest).check(manifest), name).not.toThrow();
  }
}

describe('the manifests as they stand', () => {
  test('are as the schema of their kind says', () => {
    const files = manifestFiles();
    expect(files.size).toBeGreaterThan(8);
    for (const manifests of files.values()) checkAll(manifests);
  });

  test('have no field that their kind does not know', () => {
    expect(misspelledIn([...manifestFiles().values()].flat())).toEqual([]);
  });

  test('would be refused with a field that is misspelled, missing, or of another type', () => {
    const [producer] = manifestFiles().get('base/producer.yaml') ?? [];
    const changed = (from: string, to: string) =>
      readManifests(JSON.stringify(producer).replace(from, to)).filter(({ kind }) => kind === 'Deployment');
    expect(misspelledIn(changed('"readinessProbe"', '"readinesProbe"')).join('\n')).toContain('readinesProbe');
    expect(() => checkAll(changed('"containerPort":8081', '"containerPort":"8081"'))).toThrow('Deployment producer');
    expect(() => checkAll(changed('"selector":', '"chosen":'))).toThrow('Deployment producer');
  });

  test('come with a pipeline file that is valid', () => {
    const text = read('deploy/kubernetes/base/pipeline.yaml');
    expect(() => parsePipeline(text, { BLOG_TOKEN: 'a-token' }, 'pipeline.yaml')).not.toThrow();
  });

  test('become a PrometheusRule with the alerts of docker compose, by the command of the document', () => {
    const rules = read('deploy/prometheus/alerts.yml');
    const command = /\(printf '([^']+)'; sed 's\/\^\/ {2}\/' deploy\/prometheus\/alerts\.yml\)/.exec(
      read('docs/operating/kubernetes.md'),
    );
    expect(command).not.toBeNull();
    const text = `${command?.[1]?.replaceAll('\\n', '\n')}${rules.replaceAll(/^/gm, '  ')}`;
    const made = readManifests(text) as (Manifest & { spec: { groups: unknown } })[];
    checkAll(made);
    expect(made.map(({ spec }) => spec.groups)).toEqual([(parse(rules) as { groups: unknown }).groups]);
  });
});

// Without kubectl (kustomize is in it) they are checked as they stand alone.
describe.skipIf(kubectl === undefined).each(OVERLAYS)('the overlay %s', (overlay) => {
  test('is as the schemas say', () => {
    const manifests = renderOverlay(overlay);
    expect(manifests.length).toBeGreaterThan(15);
    checkAll(manifests);
  });

  test('puts all of it into one namespace', () => {
    const inCluster = renderOverlay(overlay).filter(({ kind }) => !kind.startsWith('ValidatingAdmission'));
    expect([...new Set(inCluster.map(({ metadata }) => metadata.namespace))]).toEqual(['tributary']);
  });
});

test.skipIf(kubectl === undefined)('the overlays have no field that nobody knows', () => {
  expect(misspelledIn(OVERLAYS.flatMap(renderOverlay))).toEqual([]);
});

test.skipIf(kubectl === undefined)('another pipeline file, or another setting, starts new pods', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-kustomize-'));
  const references = () => {
    const text = JSON.stringify(
      render(join(folder, 'overlays', 'external')).filter(({ kind }) => kind === 'Deployment'),
    );
    return [...text.matchAll(/tributary-(?:pipeline|settings)-\w+/g)].map(([name]) => name);
  };
  try {
    cpSync(FOLDER, folder, { recursive: true });
    const before = references();
    expect(before.length).toBe(6);
    const pipeline = read('deploy/kubernetes/base/pipeline.yaml');
    writeFileSync(join(folder, 'base', 'pipeline.yaml'), pipeline.replace('every: 30s', 'every: 60s'));
    const after = references();
    expect(after.filter((name) => before.includes(name)).every((name) => name.includes('settings'))).toBe(true);
    expect(after.filter((name) => !before.includes(name))).toHaveLength(3);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

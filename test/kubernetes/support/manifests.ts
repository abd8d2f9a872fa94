import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IStatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import type { ICronJob } from 'kubernetes-models/batch/v1/CronJob';
import type { IService } from 'kubernetes-models/v1/Service';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../../end-to-end/support/program.js';
import { onPath } from '../../services/binaries.js';

export const FOLDER: string = join(ROOT, 'deploy', 'kubernetes');

/** What every manifest has. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

export const OVERLAYS: readonly string[] = readdirSync(join(FOLDER, 'overlays'));

/** Undefined where there is none: then the manifests are checked as they stand, not as they are put together. */
export const kubectl: string | undefined = onPath('kubectl');

/** What `kubectl kustomize` makes of a folder. */
export function render(folder: string): Manifest[] {
  const options = { encoding: 'utf8' as const, maxBuffer: 16 * 1024 * 1024, stdio: 'pipe' as const };
  return readManifests(execFileSync(kubectl ?? 'kubectl', ['kustomize', folder], options));
}

const rendered = new Map<string, Manifest[]>();

export function renderOverlay(name: string): Manifest[] {
  const manifests = rendered.get(name) ?? render(join(FOLDER, 'overlays', name));
  rendered.set(name, manifests);
  return manifests;
}

export const readManifests = (text: string): Manifest[] =>
  parseAllDocuments(text, { merge: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() as Manifest;
  });

/** The manifests as they stand in the files, by file; what only Kustomize reads is left out. */
export function manifestFiles(): Map<string, Manifest[]> {
  const found = new Map<string, Manifest[]>();
  for (const path of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.yaml') || /(^|\/)(kustomization|pipeline)\.yaml$/.test(path)) continue;
    found.set(path, readManifests(readFileSync(join(FOLDER, path), 'utf8')));
  }
  return found;
}

const ofKind = <T>(manifests: readonly Manifest[], kind: string): T[] =>
  manifests.filter((one) => one.kind === kind) as T[];

export const deploymentsIn = (manifests: readonly Manifest[]): IDeployment[] => ofKind(manifests, 'Deployment');
export const statefulSetsIn = (manifests: readonly Manifest[]): IStatefulSet[] => ofKind(manifests, 'StatefulSet');
export const cronJobsIn = (manifests: readonly Manifest[]): ICronJob[] => ofKind(manifests, 'CronJob');
export const servicesIn = (manifests: readonly Manifest[]): IService[] => ofKind(manifests, 'Service');

/** Whether a selector chooses what has these labels. */
export const chooses = (
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean =>
  selector !== undefined &&
  Object.entries(selector).every(([name, value]) => labels !== undefined && labels[name] === value);

import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { Environment } from '@marcbachmann/cel-js';
import type { IValidatingAdmissionPolicy } from 'kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy';
import { describe, expect, test } from 'vitest';
import { deploymentsIn, kubectl, manifestFiles, renderOverlay } from './support/manifests.js';

const files = manifestFiles();
const objects = ['consumer', 'producer'].flatMap(
  (name) => files.get(`components/keda/${name}.yaml`) ?? [],
) as IScaledObject[];
const policy = (files.get('components/keda/never-to-zero.yaml') ?? [])[0] as IValidatingAdmissionPolicy;

/** Kubernetes gives CEL whole numbers for those of the schema. */
const asCel = (object: object): unknown =>
  JSON.parse(JSON.stringify(object), (_name, value: unknown) => (typeof value === 'number' ? BigInt(value) : value));

/** What the policy says to an object that is put into the cluster: why it is refused, or nothing. */
function refusalsOf(manifest: object): string[] {
  const cel = new Environment({ unlistedVariablesAreDyn: true });
  const object = asCel(manifest);
  return (policy.spec?.validations ?? []).flatMap(({ expression, message = '' }) =>
    cel.evaluate(expression, { object }) === true ? [] : [message],
  );
}

const changed = (object: IScaledObject | undefined, spec: object) => ({
  ...object,
  spec: { ...object?.spec, ...spec },
});

describe('scaling to zero', () => {
  const [consumer, producer] = objects;

  test('is not what we ask for', () => {
    expect(objects.map((object) => refusalsOf(object))).toEqual([[], []]);
  });

  test.each([
    ['minReplicaCount 0', { minReplicaCount: 0 }],
    ['no minReplicaCount, which is 0 to KEDA', { minReplicaCount: undefined }],
    ['idleReplicaCount 0', { minReplicaCount: 2, idleReplicaCount: 0 }],
  ])('is refused, with the reason: %s', (_what, spec) => {
    expect(refusalsOf(changed(producer, spec))).toEqual([
      expect.stringContaining('the schedules are in the producers'),
    ]);
    expect(refusalsOf(changed(consumer, spec))).toEqual([expect.stringContaining('what other programs publish')]);
  });

  test('is nobody’s business where something else is scaled', () => {
    expect(refusalsOf(changed(consumer, { scaleTargetRef: { name: 'another' }, minReplicaCount: 0 }))).toEqual([]);
  });

  test('is refused for what carries our label, which ours do', () => {
    const label = policy.spec?.matchConstraints?.objectSelector?.matchLabels ?? {};
    expect(Object.keys(label)).not.toEqual([]);
    for (const { metadata } of objects) expect(metadata?.labels).toMatchObject(label);
  });
});

test.skipIf(kubectl === undefined)(
  'what KEDA scales is a Deployment that is there, and has no number of its own',
  () => {
    const deployments = deploymentsIn(renderOverlay('operators'));
    for (const { spec } of objects) {
      const target = deployments.find(({ metadata }) => metadata?.name === spec?.scaleTargetRef.name);
      expect(target?.spec?.template).toBeDefined();
      expect(target?.spec?.replicas).toBeUndefined();
      expect(spec?.maxReplicaCount).toBeGreaterThan(spec?.minReplicaCount ?? 0);
    }
  },
);

import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ValidatingAdmissionPolicy } from 'kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy';
import { ValidatingAdmissionPolicyBinding } from 'kubernetes-models/admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { CronJob } from 'kubernetes-models/batch/v1/CronJob';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Service } from 'kubernetes-models/v1/Service';
import { z } from 'zod';
import type { Manifest } from './manifests.js';

/** Throws if a manifest is not as the schema of its kind says. */
type Check = (manifest: object) => void;

const byModel =
  <T extends object>(Model: new (data?: T) => { validate(): void }): Check =>
  (manifest) =>
    new Model(manifest as T).validate();

const bySchema =
  (schema: z.ZodType): Check =>
  (manifest) =>
    void schema.parse(manifest);

const quantity = z.string().regex(/^\d+(m|Ki|Mi|Gi)?$/);
const resources = z.strictObject({
  requests: z.strictObject({ cpu: quantity, memory: quantity }),
  limits: z.strictObject({ memory: quantity }),
});
const metadata = z.strictObject({ name: z.string(), namespace: z.string().optional() });

/** Of these operators no package has the models, so these are the fields that are used here, as their references have them. */
const rabbitmqCluster = z.strictObject({
  apiVersion: z.literal('rabbitmq.com/v1beta1'),
  kind: z.literal('RabbitmqCluster'),
  metadata,
  spec: z.strictObject({
    replicas: z.int(),
    persistence: z.strictObject({ storage: quantity }),
    resources,
    rabbitmq: z.strictObject({ additionalConfig: z.string() }),
    affinity: z.record(z.string(), z.unknown()),
  }),
});

const postgresCluster = z.strictObject({
  apiVersion: z.literal('postgresql.cnpg.io/v1'),
  kind: z.literal('Cluster'),
  metadata,
  spec: z.strictObject({
    instances: z.int(),
    bootstrap: z.strictObject({
      initdb: z.strictObject({ database: z.string(), owner: z.string(), encoding: z.literal('UTF8') }),
    }),
    storage: z.strictObject({ size: quantity }),
    postgresql: z.strictObject({
      synchronous: z.strictObject({ method: z.enum(['any', 'first']), number: z.int() }),
    }),
    resources,
    affinity: z.strictObject({
      enablePodAntiAffinity: z.boolean(),
      topologyKey: z.string(),
      podAntiAffinityType: z.enum(['preferred', 'required']),
    }),
  }),
});

interface Model {
  readonly check: Check;
  /** Where TypeScript finds the type of its manifests; undefined where nobody has one. */
  readonly type?: readonly [module: string, name: string];
}

const modelOf = <T extends object>(
  module: string,
  name: string,
  Model: new (data?: T) => { validate(): void },
): Model => ({ check: byModel(Model), type: [`${module}/${name}`, `I${name}`] });

const CORE = 'kubernetes-models';
const PROMETHEUS = '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
const ADMISSION = `${CORE}/admissionregistration.k8s.io/v1`;

/** Every kind that a manifest of ours is of. */
const MODELS: Readonly<Record<string, Model>> = {
  'apps/v1 Deployment': modelOf(`${CORE}/apps/v1`, 'Deployment', Deployment),
  'apps/v1 StatefulSet': modelOf(`${CORE}/apps/v1`, 'StatefulSet', StatefulSet),
  'batch/v1 CronJob': modelOf(`${CORE}/batch/v1`, 'CronJob', CronJob),
  'v1 ConfigMap': modelOf(`${CORE}/v1`, 'ConfigMap', ConfigMap),
  'v1 PersistentVolumeClaim': modelOf(`${CORE}/v1`, 'PersistentVolumeClaim', PersistentVolumeClaim),
  'v1 Service': modelOf(`${CORE}/v1`, 'Service', Service),
  'policy/v1 PodDisruptionBudget': modelOf(`${CORE}/policy/v1`, 'PodDisruptionBudget', PodDisruptionBudget),
  'networking.k8s.io/v1 NetworkPolicy': modelOf(`${CORE}/networking.k8s.io/v1`, 'NetworkPolicy', NetworkPolicy),
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy': modelOf(
    ADMISSION,
    'ValidatingAdmissionPolicy',
    ValidatingAdmissionPolicy,
  ),
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding': modelOf(
    ADMISSION,
    'ValidatingAdmissionPolicyBinding',
    ValidatingAdmissionPolicyBinding,
  ),
  'keda.sh/v1alpha1 ScaledObject': modelOf('@kubernetes-models/keda/keda.sh/v1alpha1', 'ScaledObject', ScaledObject),
  'monitoring.coreos.com/v1 PodMonitor': modelOf(PROMETHEUS, 'PodMonitor', PodMonitor),
  'monitoring.coreos.com/v1 PrometheusRule': modelOf(PROMETHEUS, 'PrometheusRule', PrometheusRule),
  'rabbitmq.com/v1beta1 RabbitmqCluster': { check: bySchema(rabbitmqCluster) },
  'postgresql.cnpg.io/v1 Cluster': { check: bySchema(postgresCluster) },
};

/** @throws Error for a kind that nobody knows here */
export function modelFor({ apiVersion, kind, metadata: { name } }: Manifest): Model {
  const model = MODELS[`${apiVersion} ${kind}`];
  if (model === undefined) throw new Error(`${name}: there is no model for ${apiVersion} ${kind}; add one to MODELS`);
  return model;
}

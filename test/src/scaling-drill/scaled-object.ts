import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Scaling } from './autoscaler.js';

const count = z.coerce.number().positive();
const rules = z.object({
  stabilizationWindowSeconds: z.number(),
  policies: z.array(z.object({ type: z.literal('Pods'), value: z.number(), periodSeconds: z.number() })).min(1),
});
const scaledObject = z.object({
  spec: z.object({
    minReplicaCount: z.number(),
    maxReplicaCount: z.number(),
    advanced: z.object({
      horizontalPodAutoscalerConfig: z.object({ behavior: z.object({ scaleUp: rules, scaleDown: rules }) }),
    }),
    triggers: z.array(
      z.object({
        type: z.literal('prometheus'),
        name: z.string(),
        metadata: z.object({ query: z.string(), threshold: count }),
      }),
    ),
  }),
});

/**
 * What a ScaledObject of deploy/kubernetes says.
 * @param factor its thresholds and times are divided by it: one machine cannot pile up what a cluster does
 */
export function readScaling(root: string, name: string, factor: number): Scaling {
  const text = readFileSync(join(root, 'deploy', 'kubernetes', 'components', 'keda', `${name}.yaml`), 'utf8');
  const { spec } = scaledObject.parse(parse(text));
  const { scaleUp, scaleDown } = spec.advanced.horizontalPodAutoscalerConfig.behavior;
  const faster = ({ stabilizationWindowSeconds, policies }: z.infer<typeof rules>) => ({
    stabilizationWindowSeconds: stabilizationWindowSeconds / factor,
    policies: policies.map(({ value, periodSeconds }) => ({ value, periodSeconds: periodSeconds / factor })),
  });
  return {
    minReplicaCount: spec.minReplicaCount,
    maxReplicaCount: spec.maxReplicaCount,
    triggers: spec.triggers.map((trigger) => ({
      name: trigger.name,
      query: trigger.metadata.query,
      threshold: trigger.metadata.threshold / factor,
    })),
    up: faster(scaleUp),
    down: faster(scaleDown),
  };
}

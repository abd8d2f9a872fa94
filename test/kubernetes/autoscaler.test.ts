import { expect, test } from 'vitest';
import { read, root } from '../docs/documents.js';
import { Autoscaler, type Scaling } from '../src/scaling-drill/autoscaler.js';
import { readScaling } from '../src/scaling-drill/scaled-object.js';

const SCALING: Scaling = {
  minReplicaCount: 1,
  maxReplicaCount: 10,
  triggers: [
    { name: 'backlog', query: 'a', threshold: 100 },
    { name: 'oldest', query: 'b', threshold: 10 },
  ],
  up: { stabilizationWindowSeconds: 0, policies: [{ value: 4, periodSeconds: 30 }] },
  down: { stabilizationWindowSeconds: 300, policies: [{ value: 1, periodSeconds: 60 }] },
};

test('takes what the most demanding trigger asks for, within its bounds and no faster than allowed', () => {
  const scaler = new Autoscaler(SCALING);
  expect(scaler.next(0, 1, [250, 5])).toBe(3);
  expect(scaler.next(10, 3, [250, 95])).toBe(5);
  expect(scaler.next(31, 5, [100_000, 95])).toBe(7);
  expect(scaler.next(45, 7, [100_000, 95])).toBe(9);
  expect(scaler.next(90, 9, [100_000, 95])).toBe(10);
});

test('leaves what is nearly right as it is, and what nobody can tell', () => {
  const scaler = new Autoscaler(SCALING);
  expect(scaler.next(0, 2, [215, 0])).toBe(2);
  expect(scaler.next(15, 2, [undefined, undefined])).toBe(2);
});

test('goes down when none of the last minutes wanted more, one at a time', () => {
  const scaler = new Autoscaler(SCALING);
  expect(scaler.next(0, 4, [400, 0])).toBe(4);
  for (let now = 15; now < 300; now += 15) expect(scaler.next(now, 4, [0, 0])).toBe(4);
  expect(scaler.next(305, 4, [0, 0])).toBe(3);
  expect(scaler.next(320, 3, [0, 0])).toBe(3);
  expect(scaler.next(366, 3, [0, 0])).toBe(2);
  expect(scaler.next(500, 1, [0, 0])).toBe(1);
});

test.each(['consumer', 'producer'])('reads the ScaledObject of the %s', (name) => {
  const scaling = readScaling(root, name, 1);
  expect(scaling.triggers.length).toBeGreaterThan(0);
  const text = read(`deploy/kubernetes/components/keda/${name}.yaml`);
  for (const { threshold } of scaling.triggers) expect(text).toContain(`threshold: "${threshold}"`);
});

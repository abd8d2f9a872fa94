/** How a ScaledObject of KEDA scales, as far as we use it. The times are in seconds. */
export interface Scaling {
  readonly minReplicaCount: number;
  readonly maxReplicaCount: number;
  readonly triggers: readonly { readonly name: string; readonly query: string; readonly threshold: number }[];
  readonly up: Rules;
  readonly down: Rules;
}

interface Rules {
  readonly stabilizationWindowSeconds: number;
  /** At most so many pods within so many seconds. */
  readonly policies: readonly { readonly value: number; readonly periodSeconds: number }[];
}

/** A value may be so far from what is wanted, as a share of it, before anything is changed. */
const TOLERANCE = 0.1;

/**
 * The rule of Kubernetes' horizontal autoscaler, for metrics whose target is an average for each pod (AverageValue), as KEDA asks it to: see
 * https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/, "Algorithm details" and "Configurable scaling behavior".
 */
export class Autoscaler {
  readonly #scaling: Scaling;
  #recommended: { readonly at: number; readonly replicas: number }[] = [];
  #changes: { readonly at: number; readonly by: number }[] = [];

  constructor(scaling: Scaling) {
    this.#scaling = scaling;
  }

  /**
   * @param now seconds
   * @param replicas how many there are
   * @param values of the triggers, in their order; undefined for one that has none
   * @returns how many there should be from now on
   */
  next(now: number, replicas: number, values: readonly (number | undefined)[]): number {
    const { up, down, triggers, minReplicaCount, maxReplicaCount } = this.#scaling;
    const wanted = triggers.flatMap(({ threshold }, index) => {
      const value = values[index];
      return value === undefined ? [] : [this.#wanted(value, threshold, replicas)];
    });
    if (wanted.length === 0) return replicas;
    const bounded = Math.min(maxReplicaCount, Math.max(minReplicaCount, ...wanted));
    this.#recommended.push({ at: now, replicas: bounded });
    const within = ({ stabilizationWindowSeconds: seconds }: Rules) =>
      this.#recommended.filter(({ at }) => at > now - seconds || at === now).map((one) => one.replicas);
    const atLeast = Math.min(...within(up));
    const atMost = Math.max(...within(down));
    const target = Math.min(Math.max(replicas, atLeast), Math.max(atMost, atLeast));
    const next =
      target > replicas
        ? Math.min(target, replicas + this.#left(now, up, 1))
        : Math.max(target, replicas - this.#left(now, down, -1));
    if (next !== replicas) this.#changes.push({ at: now, by: next - replicas });
    const longest = Math.max(up.stabilizationWindowSeconds, down.stabilizationWindowSeconds);
    this.#recommended = this.#recommended.filter(({ at }) => at >= now - longest);
    return next;
  }

  #wanted(value: number, threshold: number, replicas: number): number {
    const ratio = value / (threshold * Math.max(1, replicas));
    return replicas > 0 && Math.abs(1 - ratio) <= TOLERANCE ? replicas : Math.ceil(value / threshold);
  }

  /** How many more may come, or go, now: by the policy that allows most. */
  #left(now: number, { policies }: Rules, sign: 1 | -1): number {
    const left = policies.map(({ value, periodSeconds }) => {
      const recent = this.#changes.filter(({ at, by }) => at > now - periodSeconds && Math.sign(by) === sign);
      return value - recent.reduce((sum, { by }) => sum + Math.abs(by), 0);
    });
    return Math.max(0, ...left);
  }
}

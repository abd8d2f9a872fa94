import type { IContainer } from 'kubernetes-models/v1/Container';
import type { Manifest } from './manifests.js';

/** By name, what a Secret or a ConfigMap holds. */
export type Kept = Readonly<Record<string, Readonly<Record<string, string>>>>;

interface ConfigMapManifest extends Manifest {
  readonly data?: Readonly<Record<string, string>>;
}

export const configMapsIn = (manifests: readonly Manifest[]): Kept =>
  Object.fromEntries(
    (manifests.filter(({ kind }) => kind === 'ConfigMap') as ConfigMapManifest[]).map(({ metadata, data = {} }) => [
      metadata.name,
      data,
    ]),
  );

/**
 * The environment that Kubernetes gives a container: what `envFrom` names, then `env`, in which `$(NAME)` stands for what was set before.
 * @throws Error for a reference to what is not there, for which the pod would not start
 */
export function environmentOf(container: IContainer, configMaps: Kept, secrets: Kept): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    const from = configMapRef === undefined ? secrets : configMaps;
    const { name = '', optional = false } = configMapRef ?? secretRef ?? {};
    const found = from[name];
    if (found === undefined && !optional) throw new Error(`${container.name}: there is no ${name}`);
    Object.assign(env, found);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value !== undefined && valueFrom !== undefined) throw new Error(`${container.name}: ${name} is set twice`);
    if (valueFrom?.fieldRef !== undefined) env[name] = `${container.name}-abc12`;
    else if (valueFrom?.secretKeyRef !== undefined) env[name] = secretOf(valueFrom.secretKeyRef, secrets);
    else env[name] = (value ?? '').replaceAll(/\$\((\w+)\)/g, (text, other: string) => env[other] ?? text);
  }
  return env;
}

function secretOf({ name = '', key }: { readonly name?: string; readonly key: string }, secrets: Kept): string {
  const found = secrets[name]?.[key];
  if (found === undefined) throw new Error(`the Secret ${name} has no ${key}`);
  return found;
}

const TOKENS = Object.fromEntries(
  [
    'READ_TOKEN',
    'ADMIN_TOKEN',
    'TRIBUTARY_SECRET',
    'DASHBOARD_VIEWER_TOKEN',
    'DASHBOARD_OPERATOR_TOKEN',
    'DASHBOARD_ADMIN_TOKEN',
  ].map((name) => [name, `${name.toLowerCase()}-0123456789abcdef`]),
);

/** What a person makes before the first start, or an operator, by overlay. docs/operating/kubernetes.md says how. */
export const SECRETS: Readonly<Record<string, Kept>> = {
  external: {
    'tributary-tokens': TOKENS,
    'tributary-servers': {
      AMQP_URL: 'amqps://user:password@rabbitmq.example.org:5671',
      REDIS_URL: 'rediss://:password@redis.example.org:6379',
      POSTGRES_URL: 'postgres://user:password@postgres.example.org:5432/tributary',
    },
  },
  'external-csv': {
    'tributary-tokens': TOKENS,
    'tributary-servers': {
      AMQP_URL: 'amqps://user:password@rabbitmq.example.org:5671',
      REDIS_URL: 'rediss://:password@redis.example.org:6379',
    },
  },
  operators: {
    'tributary-tokens': TOKENS,
    'tributary-redis': { password: 'redis-password' },
    // As the RabbitMQ Cluster Operator and CloudNativePG write them.
    'rabbitmq-default-user': { connection_string: 'amqp://default_user_Ab-c:p_w@rabbitmq.tributary.svc:5672/' },
    'postgres-app': { uri: 'postgresql://tributary:password@postgres-rw.tributary:5432/tributary' },
  },
};

import type { Stack } from './stack.js';

/** Who is what in docker-compose.ha.yml, by the word of those who decide it. */

interface Member {
  readonly Member: string;
  readonly Role: string;
  readonly State: string;
}

/** The first answer of these services to the same command; one of them may be dead, or suspended. */
async function askAny(stack: Stack, services: readonly string[], command: string): Promise<string> {
  for (const service of services) {
    const answer = await stack
      .run(`timeout 20 docker compose ${stack.flags} exec -T ${service} ${command}`)
      .catch(() => '');
    if (answer.trim() !== '') return answer;
  }
  throw new Error(`none of ${services.join(', ')} answers to ${command}`);
}

/** Each Postgres that Patroni knows, with its role. A standby that has every commit is a "Sync Standby". */
export async function postgresRoles(stack: Stack, ask = ['postgres-1', 'postgres-2']): Promise<Record<string, string>> {
  const members = JSON.parse(await askAny(stack, ask, 'patronictl list --format json')) as Member[];
  return Object.fromEntries(members.map(({ Member, Role }) => [Member, Role]));
}

export async function postgresPrimary(stack: Stack): Promise<string> {
  const primaries = Object.entries(await postgresRoles(stack)).filter(([, role]) => role === 'Leader');
  return one(primaries.map(([name]) => name));
}

interface EtcdStatus {
  readonly Endpoint: string;
  // Too large for a number of JavaScript; two that are the same stay the same.
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
}

/** The service of the etcd that leads the three. */
export async function etcdLeader(stack: Stack): Promise<string> {
  const command = 'etcdctl endpoint status --cluster --write-out json';
  const all = JSON.parse(await askAny(stack, ['etcd-1', 'etcd-2', 'etcd-3'], command)) as EtcdStatus[];
  return one(
    all
      .filter(({ Status }) => Status.leader === Status.header.member_id)
      .map(({ Endpoint }) => new URL(Endpoint).hostname),
  );
}

/** The Redis that at least two Sentinels name. */
export async function redisMaster(stack: Stack): Promise<string> {
  const command = 'redis-cli -p 26379 SENTINEL GET-MASTER-ADDR-BY-NAME tributary';
  const sentinels = ['sentinel-1', 'sentinel-2', 'sentinel-3'];
  const named = await Promise.all(sentinels.map((sentinel) => askAny(stack, [sentinel], command).catch(() => '')));
  const names = named.map((answer) => answer.split('\n')[0]?.trim() ?? '');
  return one([...new Set(names.filter((name) => name !== '' && names.filter((other) => other === name).length >= 2))]);
}

/** How many replicas follow a master, as it says itself; undefined for one that is no master. */
export async function replicasOf(stack: Stack, redis: string): Promise<number | undefined> {
  const info = await askAny(stack, [redis], 'redis-cli INFO replication');
  const count = /^connected_slaves:(\d+)/m.exec(info)?.[1];
  return /^role:master/m.test(info) ? Number(count) : undefined;
}

/** The service of the RabbitMQ node that leads a queue. */
export async function queueLeader(stack: Stack, queue: string): Promise<string> {
  const nodes = ['rabbitmq', 'rabbitmq-2', 'rabbitmq-3'];
  const list = await askAny(stack, nodes, 'rabbitmqctl --quiet --formatter json list_queues name leader');
  const queues = JSON.parse(list) as { name: string; leader: string }[];
  return one(queues.filter(({ name }) => name === queue).map(({ leader }) => leader.replace(/^rabbit@/, '')));
}

function one(names: readonly string[]): string {
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw new Error(`there should be one, and there are: ${names.join(', ')}`);
  return name;
}

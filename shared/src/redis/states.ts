/** What a Redis cannot do now, and what a person does about it. */
interface RedisState {
  /** How its error begins, or what it holds. */
  readonly told: RegExp;
  /** @param error what Redis answered */
  words(error: string): string;
}

/**
 * The states in which a Redis answers but does not do what is asked, by what it says then (errors of Redis 6.2 to 8 and of Valkey).
 * Within a script, 6.2 puts its own words before the code, so a code counts wherever it stands.
 */
const STATES: readonly RedisState[] = [
  {
    told: /\bREADONLY\b/,
    words: () =>
      'is a replica and takes no writes (READONLY): let REDIS_URL name the master, or name the Sentinels (redis+sentinel://), which find it; after a failover this ends by itself when the name leads to the new master',
  },
  {
    told: /\b(MOVED|ASK)\b/,
    words: (error) =>
      `is a node of a cluster, and another node${nodeIn(error)} has the keys of this pipeline (MOVED): Tributary needs one Redis, without a cluster; set REDIS_URL to one with "cluster-enabled no", or to a proxy in front of the cluster`,
  },
  {
    told: /\b(CLUSTERDOWN|CROSSSLOT|TRYAGAIN)\b|not allowed in cluster mode/i,
    words: () =>
      'is a node of a cluster that does not serve the keys of this pipeline (CLUSTERDOWN): Tributary needs one Redis, without a cluster; set REDIS_URL to one with "cluster-enabled no", or mend the cluster',
  },
  {
    told: /\bMISCONF\b/,
    words: () =>
      'takes no writes because it cannot save its data to the disk (MISCONF): see its log; free space or make its folder (CONFIG GET dir) writable. It takes writes again after the next save that succeeds',
  },
  {
    told: /\bOOM\b/,
    words: () =>
      'is full and takes no writes (OOM, maxmemory): give it more memory (CONFIG SET maxmemory), or remove what other programs keep in it; nothing of Tributary may be removed',
  },
  {
    told: /\b(WRONGPASS|NOAUTH)\b|invalid password|invalid username-password/i,
    words: (error) =>
      `refuses the password (${/NOAUTH/.test(error) ? 'NOAUTH: REDIS_URL has none' : 'WRONGPASS'}): set the right one, REDIS_URL=redis://user:password@host:6379, and restart this service`,
  },
  {
    told: /\bNOPERM\b|can't run this command|no permissions/i,
    words: (error) =>
      `does not let this user do what is needed (${firstLine(error)}): grant it, such as ACL SETUSER name on >password ~{pipeline}:* +@all -@admin +info`,
  },
  {
    told: /\bLOADING\b/,
    words: () => 'is reading its data from the disk (LOADING) and answers when that is done; nothing has to be done',
  },
  {
    told: /\bBUSY\b/,
    words: () =>
      "runs a script of some program that takes long, and answers nobody else (BUSY): wait for its end, or end it with SCRIPT KILL; Tributary's own scripts take milliseconds",
  },
  {
    told: /\bMASTERDOWN\b/,
    words: () =>
      'is a replica that has lost its master and answers nothing (MASTERDOWN): mend the replication, or let REDIS_URL name the master',
  },
  {
    told: /\bNOREPLICAS\b/,
    words: () =>
      'takes no writes because it has too few replicas (NOREPLICAS): bring them back, or lower min-replicas-to-write',
  },
  {
    told: /max number of clients/i,
    words: () =>
      'takes no more connections (its maxclients is reached): see CLIENT LIST for who holds them, or raise maxclients',
  },
  {
    told: /\bDENIED\b|protected mode/i,
    words: () =>
      'takes connections from its own machine only (protected mode): give it a password and a bind address, or run it beside this service',
  },
  {
    told: /DB index is out of range|invalid DB index/i,
    words: () => 'has no database of the number at the end of REDIS_URL: name one that it has (CONFIG GET databases)',
  },
  {
    told: /unknown command/i,
    words: (error) =>
      `does not know a command that is needed (${firstLine(error)}): Tributary needs Redis 6.2 or newer, or Valkey, without renamed commands`,
  },
];

/** What an error of Redis says about its state, in words that follow "Redis (where)"; undefined if it says nothing of that kind. */
export function stateIn(error: string): string | undefined {
  return STATES.find(({ told }) => told.test(error))?.words(error);
}

/** What a policy that evicts keys does to the pipeline; undefined for one that cannot. Only keys without an end are of weight. */
export function evictionIn(info: string): string | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? '';
  const limit = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0);
  if (limit === 0 || !policy.startsWith('allkeys-')) return undefined;
  return `may remove keys of this pipeline when it is full (maxmemory-policy ${policy}), and records would be written twice: CONFIG SET maxmemory-policy noeviction, and in its configuration file`;
}

const nodeIn = (error: string): string => {
  const node = /\b(?:MOVED|ASK) \d+ (\S+)/.exec(error)?.[1];
  return node === undefined ? '' : ` (${node})`;
};

const firstLine = (error: string): string => (error.split(' script: ')[0] ?? error).split('\n')[0]?.trim() ?? error;

import { describeError, FatalError } from '../errors.js';
import { redactUrl } from '../service/logging.js';

/** One of the servers that POSTGRES_URL names. */
export interface PostgresServer {
  /** Of this server alone, with user and password. */
  readonly url: string;
  /** For people: `host:5432`. */
  readonly name: string;
}

const EXAMPLE =
  'postgres://user:password@host:5432/database, or with several hosts postgres://user:password@one:5432,two:5432/database';

/**
 * Values of `target_session_attrs` (libpq, "Parameter Key Words") that a server that takes rows can meet. It is always the
 * primary that is looked for, whatever is given.
 */
const TARGETS: ReadonlySet<string> = new Set(['', 'any', 'primary', 'read-write', 'prefer-standby']);

/**
 * The servers that a URL names, in their order. As for libpq, hosts stand with commas between them, each with a port of its
 * own or all with one. The driver knows URLs of one host only.
 *
 * @throws FatalError if it is not a URL of Postgres
 */
export function postgresServers(text: string): readonly PostgresServer[] {
  const [, scheme = '', credentials = '', authority = '', rest = ''] =
    /^(postgres(?:ql)?:\/\/)((?:[^/?#]*@)?)([^/?#]*)(.*)$/.exec(text) ?? [];
  const url = scheme === '' ? undefined : withoutHosts(`${scheme}${credentials}host${rest}`);
  if (url === undefined) throw invalid(`POSTGRES_URL is not a URL such as ${EXAMPLE}`);
  const target = url.searchParams.get('target_session_attrs') ?? '';
  if (!TARGETS.has(target)) {
    throw invalid(
      `POSTGRES_URL has target_session_attrs=${target}: rows can be written to a primary only, so leave it out`,
    );
  }
  const { hosts, ports } = hostsOf(authority, url);
  // The driver reads it by its own rules, and knows forms that a URL of Node.js does not keep.
  if (hosts.length === 1 && target === '') return [{ url: text, name: nameOf(hosts[0], ports[0]) }];
  for (const name of ['target_session_attrs', 'load_balance_hosts', 'host', 'port']) url.searchParams.delete(name);
  return hosts.map((host, index) => serverOf(url, host, ports[ports.length === 1 ? 0 : index] ?? ''));
}

const invalid = (message: string) => new FatalError('postgres_url_invalid', message);

const withoutHosts = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);

/** The hosts stand before the path, or in the parameters `host` and `port`, as with sockets. */
function hostsOf(authority: string, { searchParams }: URL): { hosts: readonly string[]; ports: readonly string[] } {
  const named = searchParams.get('host');
  if (named !== null) return { hosts: named.split(','), ports: (searchParams.get('port') ?? '').split(',') };
  const hosts: string[] = [];
  const ports: string[] = [];
  for (const one of authority.split(',')) {
    // An IPv6 address stands in brackets.
    const [, host = '', port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(one) ?? [];
    if (host === '' && one !== '')
      throw invalid(`POSTGRES_URL names a host that is none; it should look like ${EXAMPLE}`);
    hosts.push(host);
    ports.push(port);
  }
  return { hosts, ports: authority.includes(',') ? ports : ports.slice(0, 1) };
}

function serverOf(shared: URL, host: string, port: string): PostgresServer {
  const url = new URL(shared);
  if (host.startsWith('/')) url.searchParams.set('host', host);
  else url.hostname = host === '' ? 'localhost' : host;
  url.port = port;
  return { url: url.toString(), name: nameOf(host, port) };
}

const nameOf = (host = '', port = '') => `${host === '' ? 'localhost' : host}:${port === '' ? '5432' : port}`;

/** The servers as a person may see them: without user and password. */
export function nameOfServers(servers: readonly PostgresServer[]): string {
  const [first] = servers;
  if (servers.length === 1 || first === undefined) return redactUrl(first?.url ?? '');
  const { pathname } = new URL(first.url);
  return `postgres://${servers.map(({ name }) => name).join(',')}${pathname}`;
}

/** Remembers which of several servers was of use, and looks for another one when it is not any more. */
export class ServerChoice {
  readonly #servers: readonly PostgresServer[];
  #last = 0;

  constructor(servers: readonly PostgresServer[]) {
    this.#servers = servers;
  }

  /**
   * Asks the server that was of use last, and then the others, once each.
   * @param open throws if the server is away, or not of use (a standby)
   * @throws NoServerError naming each server and why it is not of use; with one server, what `open` threw
   */
  async first<T>(open: (server: PostgresServer) => Promise<T>): Promise<T> {
    const refusals: string[] = [];
    const count = this.#servers.length;
    for (let tried = 0, at = this.#last; tried < count; tried++, at = (at + 1) % count) {
      const server = this.#servers[at];
      if (server === undefined) break;
      try {
        const opened = await open(server);
        this.#last = at;
        return opened;
      } catch (error) {
        if (count === 1) throw error;
        refusals.push(`${server.name}: ${describeError(error)}`);
      }
    }
    throw new NoServerError(refusals);
  }
}

/** None of the servers can be used now. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
  readonly code = 'no_primary';

  constructor(refusals: readonly string[]) {
    super(`none of the servers is a primary that answers (${refusals.join('; ')}); waiting for one`);
  }
}

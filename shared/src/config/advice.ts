import type { ServiceEnvironment } from './environment.js';
import { keepsToken } from './kinds/auth.js';
import type { PipelineConfig } from './schema.js';
import { adviceOnEndpoint, authOf, urlsOf } from './source-facts.js';
import { withoutPlaceholders } from './values.js';

/** A secret that is shorter can be guessed. */
const SHORTEST_SECRET = 16;

/** What a person should know of a pipeline that is valid: what works in this environment otherwise than one may think. */
export function* adviceOn(config: PipelineConfig, env: ServiceEnvironment): Generator<string> {
  yield* adviceOnTokens(config, env);
  yield* adviceOnLimits(config);
  for (const [id, endpoint] of Object.entries(config.endpoints)) {
    if (endpoint.enabled) yield* adviceOnEndpoint(id, endpoint);
  }
}

/** A host that answers nothing keeps its requests until they time out: they must not be all that may run. */
function* adviceOnLimits({ endpoints, limits: { concurrency, perHost, hosts } }: PipelineConfig): Generator<string> {
  const urls = Object.values(endpoints).flatMap((one) => (one.enabled ? urlsOf(one) : []));
  const asked = new Set(urls.map(withoutPlaceholders).flatMap((url) => (URL.canParse(url) ? [new URL(url).host] : [])));
  if (asked.size < 2) return;
  for (const host of asked) {
    const its = (hosts[host] ?? perHost).concurrency;
    if (its < concurrency) continue;
    yield `limits: ${host} may have ${its} requests at a time, and all hosts together ${concurrency}: while it hangs, no other is asked. Give it fewer, or raise limits.concurrency`;
  }
}

function* adviceOnTokens({ endpoints }: PipelineConfig, env: ServiceEnvironment): Generator<string> {
  const keeping = Object.entries(endpoints).filter(([, one]) => one.enabled && keepsToken(authOf(one)));
  if (keeping.length === 0) return;
  const of = `the refresh token of ${keeping.map(([id]) => id).join(', ')}`;
  const { TRIBUTARY_SECRET: secret = '', REDIS_URL: redisUrl = '' } = env;
  if (secret === '') {
    const fate = 'the new one is lost with the process, and the one in the file may be refused at the next start';
    const remedy =
      'such a token is kept in Redis, encrypted, if you set it to a long random text, the same for all producers';
    yield `TRIBUTARY_SECRET is not set: if the server replaces ${of}, ${fate}; ${remedy}`;
  } else if (secret.length < SHORTEST_SECRET) {
    const remedy = `set one of ${SHORTEST_SECRET} or more, such as what this prints: openssl rand -base64 32`;
    yield `TRIBUTARY_SECRET has ${secret.length} characters, so that a person who can read Redis could guess it: ${remedy}`;
  }
  if (secret !== '' && redisUrl === '') {
    yield `REDIS_URL is not set: with a Redis in memory, as npm start has one then, a new token that the server gives in place of ${of} is lost with the process`;
  }
}

import type { ServiceEnvironment, VariableName } from './environment.js';
import type { Fault } from './fault.js';
import type { Field } from './fields.js';
import type { ProtectionKind } from './kinds/protections.js';
import type { PipelineConfig } from './schema.js';

/** The variable with the key that a protection needs. */
const KEYS: Readonly<Partial<Record<ProtectionKind, VariableName>>> = {
  hash: 'PRIVACY_HASH_KEY',
  encrypt: 'PRIVACY_ENCRYPTION_KEYS',
};

/**
 * The keys that fields are protected by and that are not set. No other part than producers has them, so this is asked where producers are started,
 * and not whenever the file is read.
 */
export function* missingKeys(config: PipelineConfig, env: ServiceEnvironment): Generator<Fault> {
  for (const [entity, { fields }] of Object.entries(config.entities)) {
    yield* missingOf(`entities.${entity}.fields`, fields, env);
  }
}

function* missingOf(path: string, fields: Readonly<Record<string, Field>>, env: ServiceEnvironment): Generator<Fault> {
  for (const [name, { protect, items }] of Object.entries(fields)) {
    const place = `${path}.${name}`;
    const variable = protect === undefined ? undefined : KEYS[protect.type];
    if (variable !== undefined && !env[variable])
      yield {
        path: `${place}.protect`,
        message: `${protect?.type} needs ${variable}, which is not set: no producer starts without it. Make a key with: openssl rand -base64 32`,
      };
    if (items !== undefined) yield* missingOf(`${place}.items`, items, env);
  }
}

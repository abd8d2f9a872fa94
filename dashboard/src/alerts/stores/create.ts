import { alertsFileOf, type Logger, type PipelineConfig } from '@tributary/shared';
import { DEFAULT_AUDIT_LOG } from '../../audit/audit.js';
import { fileAlertStore } from './file.js';
import { redisAlertStore } from './redis.js';
import type { AlertStore } from './store.js';

export interface StoreOptions {
  readonly config: PipelineConfig;
  readonly instance: string;
  readonly log: Logger;
  readonly redisUrl?: string | undefined;
  readonly redisIsPassing?: boolean | undefined;
  readonly auditLog?: string | undefined;
}

/** Redis, where all dashboards of a pipeline find it; without one that outlives this process, a file beside the audit log. */
export function createAlertStore(options: StoreOptions): AlertStore {
  const { config, instance, log, redisUrl, redisIsPassing = false, auditLog } = options;
  const { rules, channels } = config.alerts;
  const isUsed = Object.keys(rules).length + Object.keys(channels).length > 0;
  if (isUsed && redisUrl && !redisIsPassing) return redisAlertStore(redisUrl, config.name, instance, log);
  return fileAlertStore(alertsFileOf(auditLog || DEFAULT_AUDIT_LOG, config.name));
}

import type { Fault } from '../fault.js';
import type { PipelineConfig } from '../schema.js';
import { checkAggregates } from './aggregates.js';
import { checkAlerts } from './alerts.js';
import { checkDeletes } from './deletes.js';
import { checkEndpoints } from './endpoints.js';
import { checkEntities } from './entities.js';
import { checkExports } from './exports.js';
import { checkLimits } from './limits.js';
import { checkMerges } from './merges.js';
import { checkOrders } from './postgres-changes.js';
import { checkRetention } from './retention.js';
import { checkSchedules } from './schedules.js';
import { checkShape } from './shape.js';

/** What the schema cannot see: names that must exist elsewhere in the file, and names that must differ. */
export function crossCheck(config: PipelineConfig): Fault[] {
  const checks = [
    checkEntities,
    checkRetention,
    checkEndpoints,
    checkLimits,
    checkSchedules,
    checkShape,
    checkDeletes,
    checkMerges,
    checkAggregates,
    checkOrders,
    checkExports,
    checkAlerts,
  ];
  return checks.flatMap((check) => [...check(config)]);
}

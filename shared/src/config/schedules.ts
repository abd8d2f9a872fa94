import { validateDetailed } from 'node-cron';
import type { Fault } from './cross-check.js';
import type { PipelineConfig } from './schema.js';

/** What only the cron library and the time zone database can judge. */
export function* checkSchedules({ endpoints }: PipelineConfig): Generator<Fault> {
  for (const [id, { schedule }] of Object.entries(endpoints)) {
    if (!('cron' in schedule)) continue;
    const path = `endpoints.${id}.schedule`;
    const { valid, errors } = validateDetailed(schedule.cron);
    if (!valid) {
      const wrong = errors.map(({ message }) => message).join('; ');
      yield { path: `${path}.cron`, message: `"${schedule.cron}" is not a cron expression: ${wrong}` };
    }
    if (!isTimeZone(schedule.timezone)) {
      yield { path: `${path}.timezone`, message: `"${schedule.timezone}" is not a time zone, such as Europe/Rome` };
    }
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

import { validateDetailed } from 'node-cron';
import { isTimeZone } from '../../records/times/zone.js';
import type { Fault } from '../fault.js';
import type { PipelineConfig, ScheduleConfig } from '../schema.js';

/** In milliseconds. Polling without a pause is a mistake, and overloads any API. */
const SHORTEST = 100;

/** What only the cron library and the time zone database can check. */
export function* checkSchedules({ endpoints }: PipelineConfig): Generator<Fault> {
  for (const [id, { schedule, resync }] of Object.entries(endpoints)) {
    yield* checkSchedule(`endpoints.${id}.schedule`, schedule);
    if (resync !== undefined) yield* checkSchedule(`endpoints.${id}.resync`, resync);
  }
}

/** Of an endpoint or an export. */
export function* checkSchedule(path: string, schedule: ScheduleConfig): Generator<Fault> {
  if ('every' in schedule && schedule.every < SHORTEST) {
    yield { path: `${path}.every`, message: `${schedule.every}ms is too often: expected ${SHORTEST}ms or more` };
  }
  if ('cron' in schedule) {
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

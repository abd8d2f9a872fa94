import {
  concealedIn,
  type EndpointConfig,
  isPolled,
  originOf,
  redactUrl,
  type ScheduleConfig,
  withoutValues,
} from '@tributary/shared';
import { type Mode, modeOf } from './modes.js';

/** An endpoint as it is shown to people: without user, password and what its query holds. */
export interface EndpointDescription {
  readonly id: string;
  readonly entity: string;
  readonly enabled: boolean;
  readonly url: string;
  readonly schedule: string;
  /** How its records come. */
  readonly mode: Mode;
}

export function describeEndpoint(id: string, endpoint: EndpointConfig): EndpointDescription {
  const { entity, enabled } = endpoint;
  return {
    id,
    entity,
    enabled,
    url: withoutValues(describeOrigin(originOf(id, endpoint)), concealedIn(endpoint)),
    schedule: scheduleOf(endpoint),
    mode: modeOf(endpoint),
  };
}

/** A URL that is a placeholder as a whole holds nothing to hide, and words hold no password. */
function describeOrigin(url: string): string {
  if (!/^\w+:\/\//.test(url)) return url;
  return (redactUrl(url).split('?')[0] ?? '').replaceAll('%7B%7B', '{{').replaceAll('%7D%7D', '}}');
}

function scheduleOf(endpoint: EndpointConfig): string {
  const { schedule, parent } = endpoint;
  if (!isPolled(endpoint)) return 'as events come';
  if (modeOf(endpoint) === 'followed') return 'follows each change';
  return parent === undefined ? describeSchedule(schedule) : `with each record of ${parent.endpoint}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

function describeSchedule(schedule: ScheduleConfig): string {
  if ('once' in schedule) return 'once';
  if ('cron' in schedule) return `${schedule.cron} (${schedule.timezone})`;
  const { every } = schedule;
  const [unit, size] = UNITS.find(([, length]) => every % length === 0) ?? ['ms', 1];
  return `every ${every / size} ${unit}`;
}

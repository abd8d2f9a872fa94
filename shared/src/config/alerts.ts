import { z } from 'zod';
import { alertChannelSchema } from './kinds/alert-channels.js';
import { alertRuleSchema } from './kinds/alert-conditions.js';
import { httpUrl, name } from './values.js';

/** What is told to people when something is wrong, and how; the dashboard does it (dashboard/src/alerts/). */
export const alertsSchema = z.strictObject({
  rules: z.record(name, alertRuleSchema).default({}).describe('What is watched, by a name that messages show'),
  channels: z.record(name, alertChannelSchema).default({}).describe('How people are told, by name'),
  page: httpUrl
    .optional()
    .describe('The address of the dashboard as people open it, for links in messages; without it there are none'),
});

import type { PipelineConfig } from '@tributary/shared';
import type { z } from 'zod';
import type { Alerts } from './alerts.js';
import type * as answers from './answers.js';
import { knownChannel } from './document.js';

const iso = (at: number): string => new Date(at).toISOString();

/** Alerts as a page shows them: nothing of addresses, passwords and what receivers answered. */
export function describeAlerts(alerts: Alerts, { alerts: settings }: PipelineConfig): z.output<typeof answers.alerts> {
  const { document, firing } = alerts;
  const names = Object.keys(settings.channels);
  return {
    sender: !alerts.isUsed ? 'none' : alerts.isHolder ? 'this' : 'other',
    problem: alerts.problem ?? null,
    firing: [...firing],
    pending: Object.values(document?.alerts ?? {}).filter(({ firingSince }) => firingSince === null).length,
    silences: [...alerts.silences],
    rules: Object.entries(settings.rules).map(([name, { when, to }]) => ({
      name,
      when,
      to: to ?? names,
      firing: firing.filter(({ rule }) => rule === name).length,
    })),
    channels: Object.entries(settings.channels).map(([name, { type }]) => {
      const known = document && knownChannel(document, name);
      return {
        name,
        type,
        sent: known?.sent ?? 0,
        failed: known?.failed ?? 0,
        waiting: document?.waiting.filter(({ channel }) => channel === name).length ?? 0,
        lastSentAt: known?.lastSentAt == null ? null : iso(known.lastSentAt),
        problem: known?.problem ?? null,
      };
    }),
    history: (document?.history ?? []).map(({ at, ...rest }) => ({ at: iso(at), ...rest })),
  };
}

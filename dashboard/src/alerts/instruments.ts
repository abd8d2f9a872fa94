import { Counter, Gauge, type Registry } from '@tributary/shared';
import type { Alerts } from './alerts.js';

/** What alerts do, for Prometheus: who watches those who watch. */
export function addAlertInstruments(registry: Registry, alerts: Alerts): void {
  const registers = [registry];
  new Gauge({
    name: 'tributary_alerts_firing',
    help: 'Alerts that fire, by rule, silenced ones too',
    labelNames: ['rule'],
    registers,
    collect() {
      this.reset();
      for (const { rule } of alerts.firing) this.inc({ rule });
    },
  });
  new Gauge({
    name: 'tributary_alerts_holder',
    help: '1 if this dashboard judges alerts and sends them, 0 if another does',
    registers,
    collect() {
      this.set(alerts.isHolder ? 1 : 0);
    },
  });
  new Gauge({
    name: 'tributary_alert_messages_waiting',
    help: 'Messages that a channel has not taken yet',
    labelNames: ['channel'],
    registers,
    collect() {
      this.reset();
      for (const { channel } of alerts.document?.waiting ?? []) this.inc({ channel });
    },
  });
  new Counter({
    name: 'tributary_alert_messages_total',
    help: 'Messages that a channel has taken (sent), and those that were given up or dropped (failed)',
    labelNames: ['channel', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [channel, { sent, failed }] of Object.entries(alerts.document?.channels ?? {})) {
        this.inc({ channel, outcome: 'sent' }, sent);
        this.inc({ channel, outcome: 'failed' }, failed);
      }
    },
  });
}

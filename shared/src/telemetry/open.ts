import type { Telemetry } from './port.js';
import type { TelemetryOptions } from './settings.js';

/** Loads OpenTelemetry and begins to send spans. Where it is not called, no module of OpenTelemetry is loaded. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { OtlpTelemetry } = await import('./otlp.js');
  return new OtlpTelemetry(options);
}

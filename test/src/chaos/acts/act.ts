import type { Fault } from '../plan.js';
import type { Stage } from '../stage.js';

/** What an act may use. */
export interface Scene {
  readonly stage: Stage;
  readonly signal: AbortSignal;
  /** Counts the fault, and says what was done and when. */
  count(fault: Fault, what: string): void;
  /** Says something more about it. */
  note(what: string): void;
  /** Waits; resolves early when the run is broken off. */
  sleep(milliseconds: number): Promise<void>;
  /** One after another: what is done to one server or process. */
  inTurn(server: object, work: () => Promise<void>): Promise<void>;
}

/** Does one fault, and undoes it. It resolves when everything that was killed or stopped runs again. */
export type Act = (fault: Fault, scene: Scene) => Promise<void>;

export const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;

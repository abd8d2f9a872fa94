import { systemClock } from '@tributary/shared';
import { type Scene, seconds } from './acts/act.js';
import { ACTS } from './acts/table.js';
import { FAULT_KINDS, type Fault, type FaultKind } from './plan.js';
import type { Stage } from './stage.js';

/** Does to the stage what the plan says. Faults of different servers and processes overlap; those of one take turns. */
export class Faults {
  readonly done = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  readonly #turns = new Map<object, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  #failure: unknown;
  readonly #scene: Scene;

  constructor(stage: Stage, say: (line: string) => void, signal: AbortSignal) {
    // With the time of day, by which the logs of the processes are read.
    const note = (what: string) => say(`${new Date().toISOString().slice(11, 23)} ${what}`);
    this.#scene = {
      stage,
      signal,
      note,
      count: ({ kind, at }, what) => {
        this.done[kind]++;
        note(`${seconds(at).padStart(7)}  ${what}`);
      },
      sleep: (milliseconds) => systemClock.sleep(milliseconds, signal),
      inTurn: (server, work) => this.#inTurn(server, work),
    };
  }

  /** Begins one, and does not wait for its end. @throws whatever an earlier one has failed with */
  begin(fault: Fault): void {
    if (this.#failure !== undefined) throw this.#failure;
    const running: Promise<void> = ACTS[fault.kind](fault, this.#scene)
      .catch((error: unknown) => {
        this.#failure ??= new Error(`the chaos itself failed at "${fault.kind}"`, { cause: error });
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when everything that was killed or stopped runs again. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #inTurn(server: object, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(server) ?? Promise.resolve()).then(work);
    this.#turns.set(
      server,
      turn.catch(() => {}),
    );
    return turn;
  }
}

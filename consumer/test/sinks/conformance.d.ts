import { type PipelineConfig } from '@tributary/shared';
import type { Sink } from '../../src/sinks/port.js';
/** One place where rows are stored, new and empty. */
export interface Store {
  /** A sink onto it, as another process would have it. */
  connect(config?: PipelineConfig): Sink;
  /** Makes every write to the dataset fail that is not begun, until the returned function is called. */
  obstruct(dataset: string): Promise<() => Promise<void>>;
  /** Removes all that is stored. */
  remove(): Promise<void>;
}
/** What every sink does, whatever it writes to: the contract of sinks/port.ts. */
export declare function describeSink(name: string, makeStore: () => Promise<Store>): void;
//# sourceMappingURL=conformance.d.ts.map

import { describeError, interruptible, ReleaseList } from '@tributary/shared';
import { drainBarely } from './bare/drain.js';
import { publishBarely } from './bare/publish.js';
import type { Bench } from './bench.js';
import { type Figure, LeftOut, type Outcome } from './figure.js';
import { customerMessages } from './messages.js';
import { watchOthers } from './others.js';

export type Results = ReadonlyMap<Figure, Outcome>;

/** Measures one figure after the other. If one fails, the others are measured all the same. */
export async function measureAll(bench: Bench, figures: readonly Figure[]): Promise<Results> {
  await warmUp(bench);
  const results = new Map<Figure, Outcome>();
  for (const figure of figures) {
    bench.signal.throwIfAborted();
    results.set(figure, await measure(bench, figure));
  }
  return results;
}

/**
 * Measures one figure, and ends its programs.
 * @throws the reason of the bench's signal, as soon as it is aborted: few figures look at it themselves
 */
export async function measure(bench: Bench, figure: Figure): Promise<Outcome> {
  const began = performance.now();
  const others = watchOthers();
  const release = new ReleaseList();
  try {
    const measured = await interruptible(figure.measure({ ...bench, release }), bench.signal);
    bench.say(`${figure.name}: done in ${Math.round((performance.now() - began) / 1_000)} s`);
    return { kind: 'measured', measured, others: others() };
  } catch (error) {
    bench.signal.throwIfAborted();
    const kind = error instanceof LeftOut ? 'left out' : 'failed';
    bench.say(`${figure.name}: ${kind}: ${describeError(error)}`);
    return { kind, reason: describeError(error) };
  } finally {
    // Programs of a figure that failed would take the records of the next.
    await release.release();
  }
}

/** Lets V8 compile amqplib first. Otherwise the first limits would be too low. */
async function warmUp({ servers }: Bench): Promise<void> {
  const broker = await servers.broker();
  const messages = customerMessages({ count: 5_000 });
  await publishBarely(broker, messages);
  await drainBarely(broker.url, broker.queueOf('customer'), messages.length);
}

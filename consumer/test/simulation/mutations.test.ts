import { PoisonError, type Row } from '@tributary/shared';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Claims } from '../../src/claim/claims.js';
import { recordsOf } from '../../src/intake/packed.js';
import { Delivery, Pack, Settler } from '../../src/intake/settle.js';
import { readOrder, writeOrder } from '../../src/ledger/order.js';
import type { Sink } from '../../src/sinks/port.js';
import { RowsRefused } from '../../src/sinks/refused.js';
import type { Flush, FlushOptions } from '../../src/write/flush.js';
import { readContent, readKnown, writeKnown } from './known.js';
import * as scripts from './memory-scripts.js';
import { type File, MemoryDisk, type Part } from './memory-sink.js';
import type { Publication } from './publications.js';
import {
  schedules,
  schedulesOf,
  schedulesOfOneVersion,
  schedulesOfStars,
  schedulesWithoutDeletions,
} from './schedule.js';
import { type Broken, type Conditions, refusesSome, simulate } from './simulate.js';

/**
 * Tests of the simulation. Each leaves out or swaps one step that the promise depends on, and schedules must be found
 * that break the promise. A step whose absence no schedule shows could be left out of the protocol.
 */

// Some tests need thousands of schedules, and the machine may be busy.
vi.setConfig({ testTimeout: 600_000 });

type FlushClass = typeof Flush;
const flush = vi.hoisted(() => ({ alter: (real: FlushClass): FlushClass => real }));
vi.mock('../../src/write/flush.js', async (importOriginal) => {
  const real = await importOriginal<{ Flush: FlushClass }>();
  return {
    get Flush() {
      return flush.alter(real.Flush);
    },
  };
});
type ClaimsClass = typeof Claims;
const claims = vi.hoisted(() => ({ alter: (real: ClaimsClass): ClaimsClass => real }));
vi.mock('../../src/claim/claims.js', async (importOriginal) => {
  const real = await importOriginal<{ Claims: ClaimsClass }>();
  return {
    ...real,
    get Claims() {
      return claims.alter(real.Claims);
    },
  };
});
afterEach(() => {
  flush.alter = (real) => real;
  claims.alter = (real) => real;
});

const propertyOf = (broken: Broken & Conditions, of = schedules) =>
  fc.asyncProperty(of, async (schedule) => {
    const { faults } = await simulate(schedule, broken);
    if (faults.length > 0) throw new FaultFound(faults.join('\n'));
  });

/** Marks a fault that the audit has found: a simulation that fails in another way has found nothing. */
class FaultFound extends Error {}

/** Most faults are found within some hundreds of schedules. The seed is fixed, so that they are found each time. */
async function expectFault(
  broken: Broken & Conditions = {},
  of = schedules,
  runs = { numRuns: 3_000, seed: 1 },
): Promise<void> {
  const { errorInstance } = await fc.check(propertyOf(broken, of), { ...runs, endOnFailure: true });
  expect(errorInstance).toBeInstanceOf(FaultFound);
}

const once = { key: 0, content: 0, deleted: false, sameVersion: false, twice: false };
const customer = { ...once, entity: 'customer' as const };
const item = { ...once, entity: 'inventory' as const };
const deleted = (publication: Publication): Publication => ({ ...publication, deleted: true });
/** Schedules with these publications and no others, in this order. */
const only = (...publications: Publication[]) => schedulesOf(fc.constant(publications));

const isDeleted = (record: string) => record.endsWith(',null]');
/** The records of a call of join.lua, each with its fields. */
const sidesIn = (args: readonly string[]) =>
  (args[3] ?? '')
    .split('\n')
    .slice(0, -1)
    .map((record) => record.split('\x1f'));

describe('a fault is found when the flush', () => {
  test('commits before it writes', async () => {
    flush.alter = (Real) =>
      class extends Real {
        constructor(options: FlushOptions) {
          const { ledger, writer } = options;
          const commitFirst = {
            ...writer,
            write: async (...of: Parameters<typeof writer.write>) => {
              await ledger.commit(...of);
              return await writer.write(...of);
            },
          };
          super({ ...options, writer: commitFirst });
        }
      };
    await expectFault();
  });

  test('acknowledges before it writes', async () => {
    flush.alter = (Real) =>
      class extends Real {
        override flush(entries: Parameters<Flush['flush']>[0]) {
          for (const { claimed } of entries) claimed.delivery.ack();
          return super.flush(entries);
        }
      };
    await expectFault();
  });

  test("writes a record's own row before its merged rows", async () => {
    flush.alter = (Real) =>
      class extends Real {
        override async flush(entries: Parameters<Flush['flush']>[0]) {
          await this.land(entries.map(({ claimed }) => claimed.claim));
          const landed = entries.map((entry) => ({
            ...entry,
            claimed: { ...entry.claimed, claim: { ...entry.claimed.claim, landed: true } },
          }));
          await super.flush(landed);
        }
      };
    await expectFault();
  });
});

describe('a fault is found in a star when', () => {
  test('a record of one side does not learn what else the lines point at', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const reply = scripts.join(store, keys, args);
      return args[2] === 'with' && Array.isArray(reply) && reply[0] === 'ok' ? ['ok', [], ...reply.slice(2)] : reply;
    };
    await expectFault({ star: true, scripts: { join } }, schedulesOfStars);
  });

  test('a record with lines is known to the first side alone', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const reply = scripts.join(store, keys, args);
      const refs = store.sortedSet(keys[4] ?? '');
      for (const ref of [...refs.keys()]) if (ref.includes('\x02')) refs.delete(ref);
      return reply;
    };
    await expectFault({ star: true, scripts: { join } }, schedulesOfStars);
  });

  test('an order is compared without its last side', async () => {
    const cut: (script: typeof scripts.claim, at: number) => typeof scripts.claim =
      (script, at) => (store, keys, args) =>
        script(
          store,
          keys,
          args.map((arg, place) => (place === at ? arg.replaceAll(/^([^\t\n]*\t[^\t\n]*)\t[^\n]*$/gm, '$1') : arg)),
        );
    await expectFault(
      { star: true, scripts: { claim: cut(scripts.claim, 3), commit: cut(scripts.commit, 3) } },
      schedulesOfStars,
    );
  });
});

describe('a fault is found when the sink refuses rows, and the flush', () => {
  test('acknowledges their records instead of burying them', async () => {
    flush.alter = (Real) =>
      class extends Real {
        override flush(entries: Parameters<Flush['flush']>[0]) {
          for (const { claimed } of entries) claimed.delivery.refuse = () => claimed.delivery.ack();
          return super.flush(entries);
        }
      };
    await expectFault({ refuses: refusesSome });
  });

  /** The flush with some steps of its ledger left out. */
  const without = (left: Partial<FlushOptions['ledger']>) => (Real: FlushClass) =>
    class extends Real {
      constructor(options: FlushOptions) {
        const { commit, release, doubt, closeLines } = options.ledger;
        const ledger = {
          commit: commit.bind(options.ledger),
          release: release.bind(options.ledger),
          doubt: doubt.bind(options.ledger),
          closeLines: closeLines.bind(options.ledger),
          ...left,
        };
        super({ ...options, ledger });
      }
    };

  test('does not give up what it had claimed for them', async () => {
    flush.alter = without({ release: async () => {} });
    await expectFault({ refuses: refusesSome });
  });

  test('takes what landed before for their content, although they were merged', async () => {
    flush.alter = without({ doubt: async () => {} });
    await expectFault({ refuses: refusesSome }, only(item, { ...item, content: 3 }, item, customer));
  });

  test('is told so although the others were not written', async () => {
    const alterSink = (sink: Sink): Sink => ({
      ...sink,
      async open(...of) {
        const writer = await sink.open(...of);
        return {
          ...writer,
          async write(dataset, rows) {
            const error = new PoisonError('row_refused', 'refused');
            const refusals = rows.filter(refusesSome).map((row) => ({ row, error }));
            if (refusals.length > 0) throw new RowsRefused(refusals);
            await writer.write(dataset, rows);
          },
        };
      },
    });
    await expectFault({ refuses: refusesSome, alterSink });
  });
});

describe('a fault is found when a take-over', () => {
  const alterTakeOver = (takeOver: (sink: Sink, writer: string) => ReturnType<Sink['takeOver']>): Broken => ({
    alterSink: (sink) => ({ ...sink, takeOver: (writer) => takeOver(sink, writer) }),
  });

  test('does not look for rows that landed', async () => {
    const broken = alterTakeOver(async (sink, writer) => {
      await sink.takeOver(writer);
      return { has: () => false, markOf: () => undefined };
    });
    const property = propertyOf(broken, schedulesWithoutDeletions);
    const { errorInstance, counterexample } = await fc.check(property, { numRuns: 3_000, seed: 6 });
    expect(errorInstance).toBeInstanceOf(FaultFound);
    // It shrinks to a schedule that a person can follow: one record or two, and one crash at the right moment.
    const [schedule] = counterexample ?? [];
    expect(schedule?.publications.length).toBeLessThanOrEqual(2);
    expect(schedule?.segments).toHaveLength(1);
  });

  test('does not fence the writer', async () => {
    await expectFault({
      disk: () =>
        new (class extends MemoryDisk {
          override fence(): void {}
          override seal(_part: Part): void {}
        })(),
    });
  });

  test('looks for the row under its newest order alone', async () => {
    const newestOnly = (owners: string) => owners.split('\r')[0] ?? '';
    const claim: typeof scripts.claim = (...call) => {
      const [status = '', letters = '', ...takenOver] = [...scripts.claim(...call)].map(String);
      return [status, letters, ...takenOver.map(newestOnly)];
    };
    // Few schedules show it.
    await expectFault({ scripts: { claim } }, only(item, item, item, item), { numRuns: 10_000, seed: 2 });
  });
});

describe('a fault is found when a pack', () => {
  test('gives all its records its own id, so that none of one key is the newest', async () => {
    const real = Object.getOwnPropertyDescriptor(Pack.prototype, 'deliveries')?.get;
    const deliveries = vi.spyOn(Pack.prototype, 'deliveries', 'get').mockImplementation(function (this: Pack) {
      const given = real?.call(this) as Delivery[];
      for (const delivery of given) {
        const { content, fields, properties } = delivery.message;
        const { messageId: id = '' } = properties;
        const message = { content, fields, properties: { ...properties, messageId: id.slice(0, id.indexOf('.')) } };
        Object.defineProperty(delivery, 'message', { value: message });
      }
      return given;
    });
    try {
      await expectFault({ packs: 8 });
    } finally {
      deliveries.mockRestore();
    }
  });

  test('is acknowledged with its first record', async () => {
    const trackPack = vi.spyOn(Settler.prototype, 'trackPack').mockImplementation(function (
      this: Settler,
      message,
      places,
      arrivedAt,
    ) {
      const deliveries = () =>
        recordsOf(message, places).map((record, place) =>
          place === 0 ? this.track(record, arrivedAt) : new Delivery(record, arrivedAt, this),
        );
      return new (class extends Pack {
        override get deliveries() {
          return deliveries();
        }
      })(undefined as never, places, this);
    });
    try {
      await expectFault({ packs: 8 });
    } finally {
      trackPack.mockRestore();
    }
  });
});

describe('a fault is found when the sink', () => {
  test('calls a write durable before it is synced', async () => {
    await expectFault({
      disk: () =>
        new (class extends MemoryDisk {
          override sync(_file: File): void {}
        })(),
    });
  });
});

describe('a fault is found when a sink that went back', () => {
  const goesBack: Conditions = { goesBackAfter: 1 };

  test('is not told from the one before', async () => {
    const blind = (sink: Sink): Sink => ({ ...sink, inspect: async () => ({ lost: undefined, marks: {} }) });
    await expectFault({ ...goesBack, alterSink: blind });
  });

  test('is not known by the marks of commits, but only by those of parts that are done', async () => {
    const commit: typeof scripts.commit = (store, keys, args) => scripts.commit(store, keys, args.slice(0, 4));
    await expectFault({ ...goesBack, scripts: { commit } });
  });
});

describe('a fault is found when the ledger', () => {
  test('looks only at committed content', async () => {
    await expectFault({
      scripts: {
        claim: (store, keys, args) => {
          const ledger = store.hash(keys[3] ?? '');
          const before = new Map(ledger);
          for (const [key, text] of before) {
            const [accepted = ''] = text.split('\n', 1);
            if (accepted === '') ledger.delete(key);
            else ledger.set(key, accepted);
          }
          const verdicts = scripts.claim(store, keys, args);
          for (const [key, text] of before) {
            const lines = readKnown(text).lines;
            const { accepted, lines: claimed } = readKnown(ledger.get(key));
            ledger.set(key, writeKnown({ accepted, lines: [...lines, ...claimed] }));
          }
          return verdicts;
        },
      },
    });
  });

  test('takes a second message for a repeated call', async () => {
    await expectFault({
      scripts: {
        claim: (store, keys, [epoch = '', writer = '', , ...rows]) =>
          scripts.claim(store, keys, [epoch, writer, '1', ...rows]),
      },
    });
  });

  test('takes content in flight elsewhere for a duplicate', async () => {
    await expectFault({
      scripts: {
        claim: (...call) => {
          const [status = '', letters = '', ...takenOver] = scripts.claim(...call);
          return [status, String(letters).replaceAll('B', 'D'), ...takenOver];
        },
      },
    });
  });

  test('forgets a tombstone that closes nothing', async () => {
    await expectFault(
      {
        scripts: {
          claim: (store, keys, args) => {
            const ledger = store.hash(keys[3] ?? '');
            const known = new Set(ledger.keys());
            const verdicts = scripts.claim(store, keys, args);
            for (const [key, content] of ledger) if (content.startsWith('!') && !known.has(key)) ledger.delete(key);
            return verdicts;
          },
        },
      },
      only(item, customer, { ...customer, content: 3 }),
    );
  });

  test('does not notice that Redis restarted from a snapshot', async () => {
    const unnoticed = Object.entries(scripts).map(([name, script]) => {
      const altered: typeof script = (store, keys, args) => {
        const { run } = store;
        store.run = args[0]?.split('.')[1] ?? '';
        const answer = script(store, keys, args);
        store.run = run;
        return answer;
      };
      return [name, altered] as const;
    });
    await expectFault({ scripts: Object.fromEntries(unnoticed) });
  });
});

describe('a fault is found when the configuration changes, and', () => {
  test('a row that is made once more is taken for one that its message brings again', async () => {
    // The ledger does not see by its order that it was made once more.
    const [hidden, shown] = [/\+([0-9a-z]{9})$/, /!([0-9a-z]{9})(?=$|[\r\n])/gm];
    const hide = (content: string): string => {
      const [hash, order] = readContent(content);
      return hash + writeOrder(readOrder(order).replace(hidden, '!$1'));
    };
    /** Of the lines of rows, every second is a content. */
    const hideAll = (rows = ''): string =>
      rows
        .split('\n')
        .map((line, at) => (at % 2 === 1 ? hide(line) : line))
        .join('\n');
    const hiding =
      (script: scripts.Script, rows: number): scripts.Script =>
      (store, keys, args) => {
        const answer = script(store, keys, args.with(rows, hideAll(args[rows])));
        return typeof answer === 'string' ? answer : answer.map((one) => String(one).replaceAll(shown, '+$1'));
      };
    const broken = { claim: hiding(scripts.claim, 3), commit: hiding(scripts.commit, 3) };
    const back = { ...customer, content: 5 };
    const scriptsOf = { ...broken, release: hiding(scripts.release, 2) };
    await expectFault({ changesAfter: 2, scripts: scriptsOf }, only(item, customer, back, customer, back));
  });

  test('the rebuild does not tell which rows were made in the form of before', async () => {
    const claim: typeof scripts.claim = (store, keys, args) => {
      const ledger = store.hash(keys[3] ?? '');
      for (const [key, content] of ledger) ledger.set(key, content.replace(/^~.{7}/, ''));
      return scripts.claim(store, keys, args);
    };
    await expectFault({ changesAfter: 1, scripts: { claim } });
  });
});

describe('a fault is found when the tombstone', () => {
  /** Whether a record that is joined is deleted: see writeSide in merge/rows.ts. */
  test('of a record that never was is only noted in the ledger', async () => {
    const claim: typeof scripts.claim = (store, keys, args) => scripts.claim(store, keys, args.with(4, '1'));
    await expectFault({ scripts: { claim } }, only(item, deleted(item)));
  });

  test('of a record is the same content whatever its version', async () => {
    const sameHash =
      (script: scripts.Script): scripts.Script =>
      (store, keys, args) =>
        script(store, keys, args.with(3, (args[3] ?? '').replaceAll(/^!.{20}/gm, `!${'t'.repeat(20)}`)));
    const [claim, commit] = [sameHash(scripts.claim), sameHash(scripts.commit)];
    await expectFault({ scripts: { claim, commit } }, only(item, deleted(item), item, deleted(item)));
  });

  test('of a record that lines point at closes no line', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const [status = '', sides = [], ...answers] = scripts.join(store, keys, args);
      const closesNone = sidesIn(args).map(([, , payload = '']) => isDeleted(payload));
      return [status, sides, ...answers.map((answer, index) => (closesNone[index] ? [] : answer))];
    };
    await expectFault({ scripts: { join } });
  });

  test('of a record that lines point at is not kept for records that come late', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const answer = scripts.join(store, keys, args);
      for (const [key = '', , payload = ''] of sidesIn(args)) {
        if (isDeleted(payload)) store.hash(keys[3] ?? '').delete(key);
      }
      return answer;
    };
    await expectFault({ scripts: { join } });
  });

  test('of a record with lines leaves them open', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const [status = '', sides = [], ...answers] = scripts.join(store, keys, args);
      const hasNone = sidesIn(args).map(([, , payload]) => args[2] === 'each' && payload === '');
      return [status, sides, ...answers.map((answer, index) => (hasNone[index] ? [] : answer))];
    };
    await expectFault({ scripts: { join } });
  });

  test('of a merged row that both its records ask for is left to the first of them', async () => {
    claims.alter = (Real) =>
      class extends Real {
        override held(row: Row) {
          return { row, landed: true };
        }
      };
    await expectFault({}, only(customer, item, deleted(item), deleted(customer)));
  });

  test('is not read by a rebuild', async () => {
    await expectFault({
      alterSink: (sink) => ({
        ...sink,
        async *scan(dataset) {
          for await (const row of sink.scan(dataset)) if (!row.deleted) yield row;
        },
      }),
    });
  });

  test('is read by a rebuild as a record that holds nothing', async () => {
    await expectFault({
      alterSink: (sink) => ({
        ...sink,
        async *scan(dataset) {
          for await (const row of sink.scan(dataset))
            yield { ...row, deleted: row.deleted && dataset.entity === undefined };
        },
      }),
    });
  });
});

describe('a fault is found when a line whose merged row tells of a record that had not landed', () => {
  /** The join without what the rebuild has written for lines that wait. */
  const meetsAny: typeof scripts.join = (store, keys, args) => {
    store.hash(keys[6] ?? '').clear();
    return scripts.join(store, keys, args);
  };

  test('meets the one that had landed, of the version under which it is deleted', async () => {
    const gone = { ...deleted(item), sameVersion: true };
    const publications = [item, customer, gone, { ...customer, content: 5 }];
    const versioned = only(...publications).map((schedule) => ({ ...schedule, versioned: true }));
    await expectFault({ scripts: { join: meetsAny } }, versioned);
  });

  test('meets it in a star, or gets a half row', async () => {
    const missing = { before: 'empty', after: 'empty' } as const;
    await expectFault({ star: true, missing, scripts: { join: meetsAny } }, schedulesOfOneVersion);
  });
});

describe('a fault is found when a half row of a merge that leaves empty what is missing', () => {
  const missing = { before: 'empty', after: 'empty' } as const;

  test('is not read by a rebuild', async () => {
    await expectFault({
      missing,
      alterSink: (sink) => ({
        ...sink,
        async *scan(dataset) {
          for await (const row of sink.scan(dataset)) if (!row.messageId.endsWith(' ')) yield row;
        },
      }),
    });
  });

  test('is made instead of the full one, because the other side is not kept', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const answer = scripts.join(store, keys, args);
      for (const [key = ''] of sidesIn(args)) if (args[2] === 'with') store.hash(keys[3] ?? '').delete(key);
      return answer;
    };
    await expectFault({ missing, scripts: { join } });
  });

  test('does not come when the other side is deleted', async () => {
    const join: typeof scripts.join = (store, keys, args) => {
      const [status = '', sides = [], ...answers] = scripts.join(store, keys, args);
      const isGone = sidesIn(args).map(([, , payload = '']) => isDeleted(payload));
      return [status, sides, ...answers.map((answer, index) => (isGone[index] ? [] : answer))];
    };
    await expectFault({ missing, scripts: { join } });
  });
});

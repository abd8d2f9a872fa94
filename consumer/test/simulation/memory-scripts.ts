import { readOrder } from '../../src/ledger/order.js';
import { type Known, type Line, readContent, readKnown, writeKnown } from './known.js';
import { before as isTextBefore, type MemoryStore } from './memory-store.js';

/** The ledger's scripts once more, in TypeScript. The conformance suite checks that they do what the .lua files do. */
export type ScriptReply = string | (string | (string | number)[] | number)[];

export type Script = (store: MemoryStore, keys: readonly string[], args: readonly string[]) => ScriptReply;

/** Changes what is known of a key. */
function update(ledger: Map<string, string>, key: string, known: Known): void {
  const text = writeKnown(known);
  if (text === '') ledger.delete(key);
  else ledger.set(key, text);
}

/** Of an accepted content: also when it was made in another form (writeFormed). */
function readAccepted(accepted: string): { hash: string; order: string; formedAt: string | undefined } {
  const { formedAt, content = accepted } = /^~(?<formedAt>.{7})(?<content>.*)$/.exec(accepted)?.groups ?? {};
  const [hash, order] = readContent(content);
  return { hash, order, formedAt };
}

const isClosed = (hash: string): boolean => hash.startsWith('!');

/** Orders compare as the texts that they were written from. */
const before = (a: string, b: string): boolean => isTextBefore(readOrder(a), readOrder(b));

const heldUnder = (line: Line): string => line.orders[0] ?? '';
const newestOf = (line: Line): string => line.orders.reduce((a, b) => (before(a, b) ? b : a));

const splitAt = (text: string, separator: string): [string, string] => {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
};

function* triples(args: readonly string[], from: number): Generator<[string, string, string]> {
  for (let at = from; at < args.length; at += 3) yield [args[at] ?? '', args[at + 1] ?? '', args[at + 2] ?? ''];
}

/** The rows of a call: the key of each, and its hash and order. */
function* rowsOf(text = ''): Generator<[key: string, hash: string, order: string]> {
  const fields = text.split('\n').slice(0, -1);
  for (let at = 0; at < fields.length; at += 2) yield [fields[at] ?? '', ...readContent(fields[at + 1] ?? '')];
}

function refusal(store: MemoryStore, epoch: string, fenced: string, [asked, writer]: readonly string[]) {
  if (store.get(epoch) !== asked || !asked?.includes(`.${store.run}.`)) return 'lost';
  return store.setOf(fenced).has(writer ?? '') ? 'fenced' : undefined;
}

export const knows: Script = (store, [epoch = '', fenced = '', ledgerKey = ''], args) => {
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return [refused];
  return ['ok', args.slice(2).map((key) => (store.hash(ledgerKey).has(key) ? 1 : 0)), store.now()];
};

export const claim: Script = (store, keys, args) => {
  const [epoch = '', leases = '', fenced = '', ledgerKey = ''] = keys;
  const [, writer = '', call = '', , isMerged] = args;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return [refused];
  const ledger = store.hash(ledgerKey);
  const alive = (other = '') =>
    (store.sortedSet(leases).get(other) ?? 0) > store.now() && !store.setOf(fenced).has(other);

  const takenOver: string[] = [];
  const judge = (token: string, key: string, hash: string, order: string): string => {
    const { accepted, lines } = readKnown(ledger.get(key));
    const replace = (line: Line, changes: Partial<Line>) => {
      const ours = { ...line, ...changes };
      update(ledger, key, { accepted, lines: lines.map((one) => (one === line ? ours : one)) });
    };
    const takeOver = (line: Line): string => {
      store.setOf(fenced).add(line.owners[0] ?? '');
      const orders = [order, ...line.orders.filter((other) => other !== order)];
      replace(line, { owners: [writer, ...line.owners], token, orders });
      takenOver.push(`${line.owners.join(',')} ${line.orders.join('\r')}`);
      return 'T';
    };
    const isLeft = (line: Line) => isMerged === '1' && (isClosed(line.hash) || heldUnder(line).at(-10) === '+');
    const waitFor = (line: Line): string => {
      const [owner] = line.owners;
      if (owner !== writer) return alive(owner) ? 'B' : takeOver(line);
      if (before(newestOf(line), order)) replace(line, { orders: [...line.orders, order] });
      takenOver.push(heldUnder(line));
      return 'H';
    };
    const committed = accepted === undefined ? undefined : readAccepted(accepted);
    let latest: { hash: string; order: string; line?: Line } | undefined = committed;
    for (const line of lines) {
      const [owner, ...earlier] = line.owners;
      if (owner === writer && line.token === token) {
        if (earlier.length === 0) return 'A';
        takenOver.push(`${earlier.join(',')} ${line.orders.join('\r')}`);
        return 'T';
      }
      if (line.hash === hash && line.orders.includes(order)) {
        if (isLeft(line)) return waitFor(line);
        if (owner === writer || before(order, heldUnder(line))) return 'D';
        return alive(owner) ? 'B' : takeOver(line);
      }
      if (latest === undefined || !before(newestOf(line), latest.order)) {
        latest = { hash: line.hash, order: newestOf(line), line };
      }
    }
    if (latest === undefined) {
      if (isMerged === '1' && isClosed(hash)) {
        ledger.set(key, `${hash}${order}`);
        return 'D';
      }
    } else if (latest.hash === hash) {
      const { line } = latest;
      const owner = line?.owners[0];
      if (line !== undefined && isLeft(line)) return waitFor(line);
      if (!before(latest.order, order)) return 'D';
      if (line === undefined) update(ledger, key, { accepted: `${hash}${order}`, lines });
      else if (owner === writer) replace(line, { orders: [...line.orders, order] });
      else return alive(owner) ? 'B' : takeOver(line);
      return 'D';
    } else if (before(order, latest.order)) return 'S';
    else if (committed?.formedAt !== undefined && latest.line === undefined && order === latest.order) {
      takenOver.push(committed.formedAt);
      return 'F';
    }
    update(ledger, key, { accepted, lines: [...lines, { owners: [writer], token, hash, orders: [order] }] });
    return 'A';
  };
  const places = new Map<string, number>();
  const letters = Array.from(rowsOf(args[3]), ([key, hash, order]) => {
    const place = places.get(key) ?? 0;
    places.set(key, place + 1);
    return judge(place === 0 ? call : `${call}.${place}`, key, hash, order);
  });
  return ['ok', letters.join(''), ...takenOver];
};

export const commit: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', ledgerKey = '', marks = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  const ledger = store.hash(ledgerKey);
  const [, writer, sweep] = args;
  for (const [key, hash, asked] of rowsOf(args[3])) {
    let order = asked;
    const { accepted, lines } = readKnown(ledger.get(key));
    const kept = lines.filter((line) => {
      const own = line.owners[0] === writer && line.hash === hash && line.orders.includes(asked);
      if (own) order = newestOf(line);
      return !own && !(sweep === '1' && before(newestOf(line), order));
    });
    const isNewest = accepted === undefined || !before(order, readAccepted(accepted).order);
    update(ledger, key, { accepted: isNewest ? `${hash}${order}` : accepted, lines: kept });
  }
  for (let index = 4; index < args.length; index += 2) {
    const [name = '', at = ''] = args.slice(index, index + 2);
    if (Number(store.hash(marks).get(name) ?? -1) < Number(at)) store.hash(marks).set(name, at);
  }
  return 'ok';
};

const UNKNOWN = '?'.repeat(20);

export const doubt: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', ledgerKey = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  const ledger = store.hash(ledgerKey);
  for (const [key, , order] of rowsOf(args[2])) {
    const { accepted, lines } = readKnown(ledger.get(key));
    const isKnown = accepted?.startsWith(UNKNOWN) === false;
    if (accepted === undefined || (isKnown && before(readAccepted(accepted).order, order)))
      update(ledger, key, { accepted: UNKNOWN + order, lines });
  }
  return 'ok';
};

export const release: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', ledgerKey = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  const ledger = store.hash(ledgerKey);
  const [, writer, rows] = args;
  for (const [key, hash, order] of rowsOf(rows)) {
    const { accepted, lines } = readKnown(ledger.get(key));
    const kept = lines.filter(
      (line) => !(line.owners[0] === writer && line.hash === hash && line.orders.includes(order)),
    );
    if (kept.length < lines.length) update(ledger, key, { accepted, lines: kept });
  }
  return 'ok';
};

export const lease: Script = (store, keys, args) => {
  const [epoch = '', leases = '', fenced = ''] = keys;
  const [, writer = '', length = '0'] = args;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  if (length === '0') store.sortedSet(leases).delete(writer);
  else store.sortedSet(leases).set(writer, store.now() + Number(length));
  return 'ok';
};

/** The names of the sides that a line points at. */
function targetsOf(line: string, places: number): string[] {
  const targets = (line.split('\x01', 1)[0] ?? '').split('\x02');
  return Array.from({ length: places }, (_, place) => `${targets[place] ?? ''}${place === 0 ? '' : `\x02${place}`}`);
}

export const join: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', each = '', withs = '', refs = '', open = '', awaited = ''] = keys;
  const [, , kind, records = '', count = '0', places = '1'] = args;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return [refused];

  /** Stores a side, unless a newer one of its key is there. @returns whether it was stored */
  const putIn = (sides: string, key: string, order: string, payload: string): boolean => {
    const stored = store.hash(sides).get(key);
    if (stored !== undefined && before(order, splitAt(stored, '\0')[0])) return false;
    store.hash(sides).set(key, `${order}\0${payload}`);
    return true;
  };
  const sides: string[] = [];
  const indexes = new Map<string, number>();
  const targets = (line: string) => targetsOf(line, Number(places));
  const side = (target: string): number => {
    const text = store.hash(withs).get(target);
    if (!indexes.has(target)) indexes.set(target, text === undefined ? 0 : sides.push(text));
    return indexes.get(target) ?? 0;
  };
  const found = (of: string, line: string): number[] =>
    targets(line).map((target, place) => {
      const index = side(target);
      const order = store.hash(awaited).get(`${of}\0${line}\0${place}`);
      const isOlder = order !== undefined && (index === 0 || before(splitAt(sides[index - 1] ?? '', '\0')[0], order));
      return isOlder ? -1 : index;
    });
  const joinEach = (key: string, ids: readonly string[]): (string | number)[] => {
    for (const target of ids.flatMap(targets)) store.sortedSet(refs).set(`${target}\0${key}`, 0);
    const pointedAt = new Set(ids.flatMap(targets));
    const closed = (store.hash(open).get(key) ?? '').split('\0').filter((line) => line !== '' && !ids.includes(line));
    for (const target of closed.flatMap(targets)) {
      if (!pointedAt.has(target)) store.sortedSet(refs).delete(`${target}\0${key}`);
    }
    if (ids.length + closed.length > 0) store.hash(open).set(key, [...ids, ...closed].join('\0'));
    return [
      ...ids.flatMap((line) => found(key, line)),
      ...closed.flatMap((line) => [line, ...targets(line).map(side)]),
    ];
  };
  const others = (key: string, other: string): (string | number)[] => {
    const lines = (store.hash(open).get(other) ?? '').split('\0').filter((line) => targets(line).includes(key));
    const met = lines.flatMap((line) => {
      const its = found(other, line);
      return [line, ...targets(line).map((one, place) => (one === key ? 0 : (its[place] ?? 0)))];
    });
    return places === '1' ? [] : [lines.length, ...met];
  };
  const joinWith = (key: string, after: string): (string | number)[] =>
    store
      .membersFrom(refs, `${key}\0${after}`, after === '')
      .filter((member) => member.startsWith(`${key}\0`))
      .slice(0, Number(count))
      .map((member) => member.slice(key.length + 1))
      .flatMap((other) => [other, store.hash(each).get(other) ?? '', ...others(key, other)]);

  const answers = records
    .split('\n')
    .slice(0, -1)
    .map((record) => {
      const [key = '', order = '', payload = '', ...rest] = record.split('\x1f').slice(0, -1);
      if (!putIn(kind === 'each' ? each : withs, key, order, payload)) return 0;
      return kind === 'each' ? joinEach(key, rest) : joinWith(key, rest[0] ?? '');
    });
  return ['ok', sides, ...answers];
};

export const close: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', each = '', open = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  for (const [key, order, lines] of triples(args, 2)) {
    const stored = store.hash(each).get(key);
    if (stored === undefined || splitAt(stored, '\0')[0] !== order) continue;
    if (lines === '') store.hash(open).delete(key);
    else store.hash(open).set(key, lines);
  }
  return 'ok';
};

import { before, type MemoryStore } from './memory-store.js';

/** The ledger's scripts once more, in TypeScript. The conformance suite checks that they do what the .lua files do. */
export type ScriptReply = string | (string | (string | number)[] | 0)[];

export type Script = (store: MemoryStore, keys: readonly string[], args: readonly string[]) => ScriptReply;

/** A row in flight: a line of a claims hash. The token names the call that claimed the row, and the row's place in it. */
interface Line {
  readonly owners: readonly string[];
  readonly token: string;
  readonly hash: string;
  /** First that of the message that holds it, then the others under which its content was asked for. */
  readonly orders: readonly string[];
}

const readLines = (text: string | undefined): Line[] =>
  (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [owners = '', token = '', hash = '', ...orders] = line.split(' ');
      return { owners: owners.split(','), token, hash, orders: orders.join(' ').split('\r') };
    });

const writeLines = (lines: readonly Line[]): string =>
  lines
    .map(({ owners, token, hash, orders }) => `${owners.join(',')} ${token} ${hash} ${orders.join('\r')}`)
    .join('\n');

const heldUnder = (line: Line): string => line.orders[0] ?? '';
const newestOf = (line: Line): string => line.orders.reduce((a, b) => (before(a, b) ? b : a));

const splitAt = (text: string, separator: string): [string, string] => {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
};

function* triples(args: readonly string[], from: number): Generator<[string, string, string]> {
  for (let at = from; at < args.length; at += 3) yield [args[at] ?? '', args[at + 1] ?? '', args[at + 2] ?? ''];
}

const rowsOf = (text = '') => triples(text.split('\n').slice(0, -1), 0);

function refusal(store: MemoryStore, epoch: string, fenced: string, [asked, writer]: readonly string[]) {
  if (store.get(epoch) !== asked || !asked?.includes(`.${store.run}.`)) return 'lost';
  return store.setOf(fenced).has(writer ?? '') ? 'fenced' : undefined;
}

export const claim: Script = (store, keys, args) => {
  const [epoch = '', leases = '', fenced = '', ledger = '', claims = ''] = keys;
  const [, writer = '', call = '', , isMerged] = args;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return [refused];
  const alive = (other = '') =>
    (store.sortedSet(leases).get(other) ?? 0) > store.now() && !store.setOf(fenced).has(other);

  const takenOver: string[] = [];
  const judge = (token: string, key: string, hash: string, order: string): string => {
    const committed = store.hash(ledger).get(key);
    const lines = readLines(store.hash(claims).get(key));
    const replace = (line: Line, changes: Partial<Line>) => {
      const ours = { ...line, ...changes };
      store.hash(claims).set(key, writeLines(lines.map((one) => (one === line ? ours : one))));
    };
    const takeOver = (line: Line): string => {
      store.setOf(fenced).add(line.owners[0] ?? '');
      const orders = [order, ...line.orders.filter((other) => other !== order)];
      replace(line, { owners: [writer, ...line.owners], token, orders });
      takenOver.push(`${line.owners.join(',')} ${line.orders.join('\r')}`);
      return 'T';
    };
    const isLeft = (line: Line) => isMerged === '1' && (line.hash.startsWith('-') || heldUnder(line).at(-10) === '+');
    const waitFor = (line: Line): string => {
      const [owner] = line.owners;
      if (owner !== writer) return alive(owner) ? 'B' : takeOver(line);
      if (before(newestOf(line), order)) replace(line, { orders: [...line.orders, order] });
      takenOver.push(heldUnder(line));
      return 'H';
    };
    const [storedHash = '', committedOrder = ''] = committed === undefined ? [] : splitAt(committed, ' ');
    const { formedAt, plain } = /^~(?<formedAt>\d+)~(?<plain>.*)$/.exec(storedHash)?.groups ?? {};
    const committedHash = plain ?? storedHash;
    let latest: { hash: string; order: string; line?: Line } | undefined =
      committed === undefined ? undefined : { hash: committedHash, order: committedOrder };
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
      if (isMerged === '1' && hash.startsWith('-')) {
        store.hash(ledger).set(key, `${hash} ${order}`);
        return 'D';
      }
    } else if (latest.hash === hash) {
      const { line } = latest;
      const owner = line?.owners[0];
      if (line !== undefined && isLeft(line)) return waitFor(line);
      if (!before(latest.order, order)) return 'D';
      if (line === undefined) store.hash(ledger).set(key, `${hash} ${order}`);
      else if (owner === writer) replace(line, { orders: [...line.orders, order] });
      else return alive(owner) ? 'B' : takeOver(line);
      return 'D';
    } else if (before(order, latest.order)) return 'S';
    else if (formedAt !== undefined && latest.line === undefined && order === latest.order) {
      takenOver.push(formedAt);
      return 'F';
    }
    store.hash(claims).set(key, writeLines([...lines, { owners: [writer], token, hash, orders: [order] }]));
    return 'A';
  };
  const letters = Array.from(rowsOf(args[3]), ([key, hash, order], index) =>
    judge(`${call}.${index}`, key, hash, order),
  );
  return ['ok', letters.join(''), ...takenOver];
};

export const commit: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', ledger = '', claims = '', marks = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  const [, writer, sweep] = args;
  for (const [key, hash, asked] of rowsOf(args[3])) {
    let order = asked;
    const kept = readLines(store.hash(claims).get(key)).filter((line) => {
      const own = line.owners[0] === writer && line.hash === hash && line.orders.includes(asked);
      if (own) order = newestOf(line);
      return !own && !(sweep === '1' && before(newestOf(line), order));
    });
    if (kept.length === 0) store.hash(claims).delete(key);
    else store.hash(claims).set(key, writeLines(kept));

    const committed = store.hash(ledger).get(key);
    if (committed === undefined || !before(order, splitAt(committed, ' ')[1])) {
      store.hash(ledger).set(key, `${hash} ${order}`);
    }
  }
  for (let index = 4; index < args.length; index += 2) {
    const [name = '', at = ''] = args.slice(index, index + 2);
    if (Number(store.hash(marks).get(name) ?? -1) < Number(at)) store.hash(marks).set(name, at);
  }
  return 'ok';
};

export const doubt: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', ledger = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  for (const [key, , order] of rowsOf(args[2])) {
    const [hash, landed] = splitAt(store.hash(ledger).get(key) ?? ' ', ' ');
    if (hash === '' || (hash !== '?' && before(landed, order))) store.hash(ledger).set(key, `? ${order}`);
  }
  return 'ok';
};

export const release: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', claims = ''] = keys;
  const refused = refusal(store, epoch, fenced, args);
  if (refused !== undefined) return refused;
  const [, writer, rows] = args;
  for (const [key, hash, order] of rowsOf(rows)) {
    const lines = readLines(store.hash(claims).get(key));
    const kept = lines.filter(
      (line) => !(line.owners[0] === writer && line.hash === hash && line.orders.includes(order)),
    );
    if (kept.length === lines.length) continue;
    if (kept.length === 0) store.hash(claims).delete(key);
    else store.hash(claims).set(key, writeLines(kept));
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

const targetOf = (line: string): string => line.split('\x01', 1)[0] ?? '';

export const join: Script = (store, keys, args) => {
  const [epoch = '', fenced = '', each = '', withs = '', refs = '', open = ''] = keys;
  const [, , kind, records = '', count = '0'] = args;
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
  const side = (line: string): number => {
    const target = targetOf(line);
    const text = store.hash(withs).get(target);
    if (!indexes.has(target)) indexes.set(target, text === undefined ? 0 : sides.push(text));
    return indexes.get(target) ?? 0;
  };
  const joinEach = (key: string, ids: readonly string[]): (string | number)[] => {
    for (const line of ids) store.sortedSet(refs).set(`${targetOf(line)}\0${key}`, 0);
    const targets = new Set(ids.map(targetOf));
    const closed = (store.hash(open).get(key) ?? '').split('\0').filter((line) => line !== '' && !ids.includes(line));
    for (const line of closed) {
      if (!targets.has(targetOf(line))) store.sortedSet(refs).delete(`${targetOf(line)}\0${key}`);
    }
    if (ids.length + closed.length > 0) store.hash(open).set(key, [...ids, ...closed].join('\0'));
    return [...ids.map(side), ...closed.flatMap((line) => [line, side(line)])];
  };
  const joinWith = (key: string, after: string): string[] =>
    store
      .membersFrom(refs, `${key}\0${after}`, after === '')
      .filter((member) => member.startsWith(`${key}\0`))
      .slice(0, Number(count))
      .map((member) => member.slice(key.length + 1))
      .flatMap((other) => [other, store.hash(each).get(other) ?? '']);

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

/** How the connections of a database are made and ended. */
export interface Connecting<C> {
  /**
   * A connection whose session is set: in another time zone, what is new would be asked for from another time.
   * @param onLost to be called when it has ended by itself
   */
  connect(onLost: (connection: C) => void): Promise<C>;
  /** Resolves when the server has let go of it, as far as that can be known. */
  end(connection: C): Promise<unknown>;
}

/** A connection that is not used for so long, in milliseconds, is ended. */
const IDLE = 60_000;

/** So long, in milliseconds, a server may take to let go of a connection before it counts as gone. */
const LONGEST_END = 10_000;

/** So long, in milliseconds, the process waits for that when it stops. */
const LONGEST_CLOSE = 2_000;

/** What a room knows of the connections of a database. */
interface Pooled {
  /** How many there are, with those that are being made and ended. */
  readonly open: number;
  /** Ends the connection that has done nothing for the longest time; undefined if all work. */
  endOldest(): Promise<void> | undefined;
}

/**
 * How many connections a host gives, to all of its databases together. A server that gives a user four of them refuses the fifth, though it is
 * another database's and the others do nothing.
 */
export class Room {
  readonly #most: number;
  readonly #pools = new Set<Pooled>();
  readonly #ending = new Set<Promise<void>>();

  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  enter(pool: Pooled): void {
    this.#pools.add(pool);
  }

  /** Whether one more connection may be made. */
  get hasPlace(): boolean {
    return this.#open < this.#most;
  }

  /**
   * Ends a connection that does nothing, so that another one may have its place. Several may wait for one place, so the caller looks
   * again when this resolves. How many work at a time is what the gate lets through.
   * @returns undefined where all work, as when a statement is cancelled: then nothing is waited for
   */
  makePlace(): Promise<void> | undefined {
    if (this.#open - this.#ending.size >= this.#most) this.#endOne();
    return this.#ending.size === 0 ? undefined : Promise.race(this.#ending);
  }

  #endOne(): void {
    for (const pool of this.#pools) {
      const ending = pool.endOldest();
      if (ending === undefined) continue;
      this.#ending.add(ending);
      void ending.finally(() => this.#ending.delete(ending));
      return;
    }
  }

  get #open(): number {
    return [...this.#pools].reduce((sum, { open }) => sum + open, 0);
  }
}

interface Idle<C> {
  readonly connection: C;
  readonly timer: NodeJS.Timeout;
}

/** The connections of one database. It makes as many as are taken at a time, and keeps them for a while. */
export class ConnectionPool<C extends object> implements Pooled {
  readonly #room: Room;
  readonly #connecting: Connecting<C>;
  /** The one that was used last stands at the end, and is taken first. */
  readonly #idle: Idle<C>[] = [];
  readonly #ending = new Set<Promise<void>>();
  /** Those that have ended by themselves. */
  readonly #lost = new WeakSet<C>();
  #open = 0;
  #isClosed = false;

  constructor(connecting: Connecting<C>, room = new Room()) {
    this.#connecting = connecting;
    this.#room = room;
    room.enter(this);
  }

  get open(): number {
    return this.#open;
  }

  async take(): Promise<C> {
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      clearTimeout(idle.timer);
      return idle.connection;
    }
    // Nothing may come between the look and the count: two that wait for one place would both take it.
    while (!this.#room.hasPlace) {
      const place = this.#room.makePlace();
      if (place === undefined) break;
      await place;
    }
    this.#open += 1;
    try {
      return await this.#connecting.connect((lost) => {
        this.#lost.add(lost);
        void this.#forget(lost);
      });
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  /** @param isBroken it must not be used again */
  give(connection: C, isBroken: boolean): void {
    if (isBroken || this.#isClosed) {
      void this.#end(connection);
      return;
    }
    const timer = setTimeout(() => this.#forget(connection), IDLE);
    timer.unref();
    this.#idle.push({ connection, timer });
  }

  endOldest(): Promise<void> | undefined {
    const [oldest] = this.#idle;
    if (oldest === undefined) return undefined;
    return this.#forget(oldest.connection);
  }

  /** Those that are taken are ended when they are given back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { connection } of [...this.#idle]) void this.#forget(connection);
    await within(Promise.all(this.#ending), LONGEST_CLOSE);
  }

  /** Ends one that nothing uses. One that is used is ended when it is given back. */
  #forget(connection: C): Promise<void> | undefined {
    const index = this.#idle.findIndex((one) => one.connection === connection);
    const [idle] = index === -1 ? [] : this.#idle.splice(index, 1);
    if (idle === undefined) return undefined;
    clearTimeout(idle.timer);
    return this.#end(connection);
  }

  #end(connection: C): Promise<void> {
    const end = this.#connecting.end(connection).catch(() => {});
    const ended = this.#lost.has(connection) ? undefined : end;
    const ending = within(ended, LONGEST_END).then(() => {
      this.#open -= 1;
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
    return ending;
  }
}

/** Resolves with the work, or after so many milliseconds. */
async function within(work: Promise<unknown> | undefined, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
    timer.unref();
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

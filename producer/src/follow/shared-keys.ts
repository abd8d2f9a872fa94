import type { Member, Shaped } from './member.js';

/**
 * The keys of an entity that several followed tables bring. A row that moves from one table to another is there all the time, and of its
 * insert and its delete either may come first: its end in one table is no end while another one has it.
 */
export class SharedKeys {
  readonly #siblings = new Map<Member, readonly Member[]>();

  constructor(members: readonly Member[]) {
    for (const one of members) {
      this.#siblings.set(
        one,
        members.filter((other) => other !== one && other.entity === one.entity),
      );
    }
  }

  /**
   * Leaves out what is not to be told: tombstones of keys that another table has, and rows that `where` leaves out. A table that had such a
   * row has its key no more, so that the other tables' tombstones of it are told. To be called before the keys of these changes are noted.
   * @param changes in their order
   */
  async told(changes: readonly Shaped[]): Promise<readonly Shaped[]> {
    const asked = new Map<Member, Set<string>>();
    for (const { member, key, isGone, isLeftOut } of changes) {
      const siblings = this.#of(member);
      if (!isGone || key === undefined || siblings.length === 0) continue;
      for (const one of isLeftOut ? [member, ...siblings] : siblings) {
        const keys = asked.get(one) ?? new Set();
        asked.set(one, keys.add(key));
      }
    }
    if (asked.size === 0) return changes.filter(({ isLeftOut }) => !isLeftOut);
    const live = new Map<Member, Set<string>>();
    for (const [member, keys] of asked) live.set(member, new Set(await member.live([...keys])));
    const leftOut = new Map<string, Shaped>();
    const told = changes.filter((change) => {
      const { member, key, isGone, isLeftOut } = change;
      if (key === undefined) return !isLeftOut;
      const name = `${member.id} ${key}`;
      const had = live.get(member)?.has(key) === true;
      if (isGone) live.get(member)?.delete(key);
      else live.get(member)?.add(key);
      if (isLeftOut && (had || leftOut.has(name))) leftOut.set(name, change);
      if (!isLeftOut) leftOut.delete(name);
      return !isLeftOut && (!isGone || !this.#of(member).some((sibling) => live.get(sibling)?.has(key) === true));
    });
    for (const { member, message } of leftOut.values()) member.leaveOut(message);
    return told;
  }

  /** Those of the keys that another table has. Whatever came before has to be noted. */
  async elsewhere(member: Member, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const sibling of this.#of(member)) for (const key of await sibling.live(keys)) found.add(key);
    return found;
  }

  #of(member: Member): readonly Member[] {
    return this.#siblings.get(member) ?? [];
  }
}

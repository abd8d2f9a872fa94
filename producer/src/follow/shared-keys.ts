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
   * Leaves out the tombstones of keys that another table has. To be called before the keys of these changes are noted.
   * @param changes in their order
   */
  async withoutMoved(changes: readonly Shaped[]): Promise<readonly Shaped[]> {
    const asked = new Map<Member, Set<string>>();
    for (const { member, key, isGone } of changes) {
      if (!isGone || key === undefined) continue;
      for (const sibling of this.#of(member)) {
        const keys = asked.get(sibling) ?? new Set();
        asked.set(sibling, keys.add(key));
      }
    }
    if (asked.size === 0) return changes;
    const live = new Map<Member, Set<string>>();
    for (const [member, keys] of asked) live.set(member, new Set(await member.live([...keys])));
    return changes.filter(({ member, key, isGone }) => {
      if (key === undefined) return true;
      if (isGone) live.get(member)?.delete(key);
      else live.get(member)?.add(key);
      return !isGone || !this.#of(member).some((sibling) => live.get(sibling)?.has(key) === true);
    });
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

import { draftOfDatabase, pipelineText, tryEndpoint } from '@tributary/producer';
import { parsePipeline, systemClock } from '@tributary/shared';
import { expect, inject, onTestFinished, test } from 'vitest';
import { uniqueName } from '../services/handle.js';
import { mariadbFor, postgresFor } from './sources/databases.js';

const signal = new AbortController().signal;

test.each([
  ['Postgres', () => postgresFor(inject('postgresUrl')), (name: string) => `"${name.replaceAll('"', '""')}"`],
  ['MariaDB', () => mariadbFor(inject('mariadbUrl')), (name: string) => `\`${name.replaceAll('`', '``')}\``],
] as const)(
  'discover of a %s writes a file for names that no file of ours has, and says what it left out',
  async (_kind, open, quoted) => {
    const database = await open();
    onTestFinished(() => database.remove());
    const odd = uniqueName('odd');
    const columns = [
      'user id',
      'it"s',
      'dot.ted',
      '_hidden',
      '-dash',
      "o'clock",
      'user_id',
      'back`tick',
      'ü ö',
      '$',
      '[0]',
    ];
    const tables = [odd, `{{since}}${odd}`, `\${HOME}${odd}`, `a b ${odd}`];
    for (const table of tables) {
      const list = columns.map((name) => `${quoted(name)} varchar(20)`).join(', ');
      await database.run(
        `CREATE TABLE ${quoted(table)} (${quoted('the key')} integer PRIMARY KEY, ${quoted('updated at')} timestamp NOT NULL, ${list})`,
      );
      onTestFinished(() => database.run(`DROP TABLE ${quoted(table)}`));
      await database.run(
        `INSERT INTO ${quoted(table)} (${quoted('the key')}, ${quoted('updated at')}, ${quoted('user id')}) VALUES (1, '2026-01-01', 'x')`,
      );
    }
    const dollar = uniqueName('dollar');
    await database.run(`CREATE TABLE ${quoted(dollar)} (id integer PRIMARY KEY, ${quoted('$' + '{HOME}')} integer)`);
    onTestFinished(() => database.run(`DROP TABLE ${quoted(dollar)}`));
    const draft = await draftOfDatabase({ url: database.url, env: {}, signal });
    const { text } = pipelineText(draft, undefined, 'schema.json');
    const config = parsePipeline(text, draft.secrets, 'found.yaml');
    const named = Object.values(config.endpoints).map((one) => ('table' in one ? one.table : undefined));
    expect(named).toContain(odd);
    expect(named).toContain(`a b ${odd}`);
    const notes = draft.notes.join('\n');
    for (const one of [`{{since}}${odd}`, `\${HOME}${odd}`]) {
      expect(named).not.toContain(one);
      expect(notes).toContain(one);
    }
    const endpoint = Object.values(config.endpoints).find((one) => 'table' in one && one.table === odd);
    const entity = config.entities[endpoint?.entity ?? ''];
    expect(Object.keys(entity?.fields ?? {})).toHaveLength(columns.length + 2);
    expect(entity?.key).toBe('the_key');
    const written: string[] = [];
    const id = Object.keys(config.endpoints).find((one) => config.endpoints[one] === endpoint) ?? '';
    const tried = await tryEndpoint({
      config,
      id,
      limit: 3,
      clock: systemClock,
      proxies: {},
      write: (said) => written.push(said),
    });
    expect(tried).toEqual({ looked: 1, bad: 0 });
    expect(written.join('')).toContain('"user_id_2":"x"');
  },
);

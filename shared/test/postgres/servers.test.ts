import { describe, expect, test } from 'vitest';
import { FatalError } from '../../src/errors.js';
import { NoServerError, nameOfServers, postgresServers, ServerChoice } from '../../src/postgres/servers.js';

const urls = (text: string) => postgresServers(text).map(({ url }) => url);

describe('the servers of POSTGRES_URL', () => {
  test('are one, given as it is, where it names one host', () => {
    for (const text of [
      'postgres://u:p%40@host:5433/db?sslmode=require',
      'postgresql://host/db',
      'postgres://u:a@b@host/db',
      'postgres:///db?host=/var/run/postgresql',
      'postgres://[::1]:5433/db',
    ]) {
      expect(urls(text)).toEqual([text]);
    }
  });

  test('are as many as there are hosts, each with its port, and with what they share', () => {
    const text = 'postgres://u:p%2C@one:5433,two,[::1]:5435/db?target_session_attrs=read-write&sslmode=require';
    expect(urls(text)).toEqual([
      'postgres://u:p%2C@one:5433/db?sslmode=require',
      'postgres://u:p%2C@two/db?sslmode=require',
      'postgres://u:p%2C@[::1]:5435/db?sslmode=require',
    ]);
    expect(postgresServers(text).map(({ name }) => name)).toEqual(['one:5433', 'two:5432', '[::1]:5435']);
    expect(nameOfServers(postgresServers(text))).toBe('postgres://one:5433,two:5432,[::1]:5435/db');
  });

  test('may stand in parameters, with a port each or one for all', () => {
    expect(urls('postgres://u@/db?host=one,two&port=5433,5434')).toEqual([
      'postgres://u@one:5433/db',
      'postgres://u@two:5434/db',
    ]);
    expect(urls('postgres://u@/db?host=one,two&port=5433')).toEqual([
      'postgres://u@one:5433/db',
      'postgres://u@two:5433/db',
    ]);
  });

  test.each([
    ['http://host/db'],
    ['host:5432/db'],
    ['postgres://u:geheim@host/db?target_session_attrs=standby'],
    ['postgres://u:geheim@one:5432:3,two/db'],
    [''],
  ])('are refused in %s, without its password', (text) => {
    expect(() => postgresServers(text)).toThrow(FatalError);
    expect(() => postgresServers(text)).not.toThrow('geheim');
  });
});

describe('a choice between servers', () => {
  const servers = postgresServers('postgres://one,two,three/db');

  test('asks them in turn, begins with the one that was of use last, and comes around', async () => {
    const choice = new ServerChoice(servers);
    const asked: string[] = [];
    let primary = 'two:5432';
    const open = async ({ name }: { name: string }) => {
      asked.push(name);
      if (name !== primary) throw new Error('a standby');
      return name;
    };
    expect(await choice.first(open)).toBe('two:5432');
    expect(await choice.first(open)).toBe('two:5432');
    primary = 'one:5432';
    expect(await choice.first(open)).toBe('one:5432');
    expect(asked.map((name) => name.replace(':5432', ''))).toEqual(['one', 'two', 'two', 'two', 'three', 'one']);
  });

  test('says why each of them is of no use', async () => {
    const failing = new ServerChoice(servers).first(async ({ name }) => {
      throw new Error(name.startsWith('one') ? 'connect ECONNREFUSED' : 'this server is a standby');
    });
    await expect(failing).rejects.toBeInstanceOf(NoServerError);
    await expect(failing).rejects.toThrow(
      'none of the servers is a primary that answers (one:5432: connect ECONNREFUSED; two:5432: this server is a standby; three:5432: this server is a standby)',
    );
  });

  test('of one passes on why that one is of no use', async () => {
    const error = new Error('away');
    const failing = new ServerChoice(servers.slice(0, 1)).first(() => Promise.reject(error));
    await expect(failing).rejects.toBe(error);
  });
});

import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  vi.resetModules();
  process.exitCode = undefined;
});

/** What the program says, and how it ends, in an environment in which it cannot run. */
async function runWith(env: Record<string, string>): Promise<{ said: string; exitCode: unknown }> {
  for (const name of ['AMQP_URL', 'REDIS_URL', 'PIPELINE', 'PORT']) vi.stubEnv(name, env[name] ?? '');
  let said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  await import('../src/main.js');
  const { exitCode } = process;
  process.exitCode = undefined;
  return { said, exitCode };
}

describe('the program', () => {
  it('says which settings are missing, what they look like, and what else one can do', async () => {
    const { said, exitCode } = await runWith({ PORT: 'http' });
    expect(exitCode).toBe(1);
    expect(said).toContain('the environment has 3 faults');
    expect(said).toContain('AMQP_URL: not set; set it to something like amqp://user:password@');
    expect(said).toContain('REDIS_URL: not set');
    expect(said).toContain('npm start');
    expect(said).toContain('PORT: "http" is not a port');
  });

  it('says which pipeline it cannot read', async () => {
    const env = { AMQP_URL: 'amqp://127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1', PIPELINE: 'no-such.yaml' };
    const { said, exitCode } = await runWith(env);
    expect(exitCode).toBe(1);
    expect(said).toContain('no-such.yaml has 1 fault');
  });
});

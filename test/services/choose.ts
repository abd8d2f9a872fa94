import { describeError, redactUrl } from '@tributary/shared';
import { dockerEngine } from './docker.js';
import { type PrivateService, type Say, type ServiceHandle, sayOnConsole } from './handle.js';

/** The ways to have one kind of server. */
export interface ServiceKind {
  /** As people call it: RabbitMQ. */
  readonly name: string;
  /** The environment variable that may name a server that runs already, and what it may look like. */
  readonly variable: string;
  readonly example: string;
  /** The Docker image. */
  readonly image: string;
  /** The Debian package with the server. */
  readonly debianPackage: string;
  /** Resolves when the server at the URL answers a real client. */
  check(url: string): Promise<void>;
  startContainer(): Promise<Omit<ServiceHandle, 'how'>>;
  /** Runs a program of this machine, installing it first where that can be done. */
  startPrivate(say: Say): Promise<PrivateService>;
}

/**
 * A server from the first of these that can be had: the environment, Docker, a program of this machine, the same after
 * apt-get. It prints which one, and why not an earlier one. It never goes on without a server.
 * @throws Error saying what was tried and what to do
 */
export async function chooseService(
  kind: ServiceKind,
  environment: Readonly<Record<string, string | undefined>>,
  say: Say = sayOnConsole,
  engine: () => Promise<string | undefined> = dockerEngine,
): Promise<ServiceHandle> {
  const { name, variable } = kind;
  const given = environment[variable];
  if (given !== undefined && given !== '') {
    const handle = await useGiven(kind, given);
    say(`${name} for the tests: ${handle.how}`);
    return handle;
  }
  const reasons = [`${variable} is not set`];
  try {
    const handle = await inDocker(kind, await engine());
    say(`${name} for the tests: ${handle.how} (${reasons.join('; ')})`);
    return handle;
  } catch (error) {
    reasons.push(oneLine(error));
  }
  try {
    const handle = await kind.startPrivate(say);
    say(`${name} for the tests: ${handle.how} (${reasons.join('; ')})`);
    return handle;
  } catch (error) {
    const remedy = `Set ${variable} (${kind.example}), or start Docker, or install ${kind.debianPackage}.`;
    throw new Error(`No ${name} for the tests: ${reasons.join('; ')}; ${describeError(error)}\n${remedy}`);
  }
}

/** A server that somebody named is used or complained of, never passed over for another. */
async function useGiven(kind: ServiceKind, url: string): Promise<ServiceHandle> {
  const shown = `${kind.variable} (${redactUrl(url)})`;
  try {
    await kind.check(url);
  } catch (error) {
    const reason = describeError(error);
    throw new Error(`${shown} does not answer: ${reason}. Start that ${kind.name}, or unset ${kind.variable}.`);
  }
  return { url, how: shown, stop: async () => {} };
}

async function inDocker(kind: ServiceKind, engine: string | undefined): Promise<ServiceHandle> {
  if (engine === undefined) throw new Error('no Docker engine answers');
  try {
    const container = await kind.startContainer();
    return { ...container, how: `a container of ${kind.image}, Docker ${engine}` };
  } catch (cause) {
    throw new Error(`Docker ${engine} cannot run ${kind.image}`, { cause });
  }
}

const oneLine = (error: unknown): string => describeError(error).replaceAll(/\s+/g, ' ').trim();

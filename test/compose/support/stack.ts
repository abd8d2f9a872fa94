import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { uniqueName } from '../../services/handle.js';
import { freePorts } from '../../services/ports.js';
import { attempt, run } from './command.js';

/** Milliseconds for the images: the first time, everything is downloaded and built. */
const BUILD_TIMEOUT = 600_000;
const DOWN_TIMEOUT = 180_000;

/** A load that keeps everything moving, and intervals that keep a test short. */
const PACE = { POLL_INTERVAL: '2s', BATCH_INTERVAL: '2s', MOCK_CHANGES_PER_SECOND: '20' };

/** Somebody who is neither root nor the user of the images. */
const SOMEBODY = 12_345;

/** A container, as far as the tests look at it. */
export interface Container {
  readonly Name: string;
  readonly Config: { readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  readonly State: {
    readonly Running: boolean;
    readonly ExitCode: number;
    readonly Health?: { readonly Status: string };
  };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly Memory: number;
  };
}

/** The compose project of one test file: a name, ports and an output folder of its own. */
export class Stack {
  readonly folder = mkdtempSync(join(tmpdir(), 'tributary-compose-'));
  readonly output = join(this.folder, 'output');
  readonly project = uniqueName('tributary-test');
  #env: Record<string, string> = {};
  readonly flags: string;
  readonly settings: Readonly<Record<string, string>>;

  /**
   * @param flags what the README's commands give `docker compose` for these services: files and profiles
   * @param settings what people write into .env
   */
  constructor(flags: string, settings: Readonly<Record<string, string>>) {
    this.flags = flags;
    this.settings = settings;
  }

  get crm(): string {
    return `http://127.0.0.1:${this.#env.MOCK_API_PORT}`;
  }

  get managementUi(): string {
    return `http://127.0.0.1:${this.#env.RABBITMQ_UI_PORT}`;
  }

  get dashboard(): string {
    return `http://127.0.0.1:${this.#env.DASHBOARD_PORT}`;
  }

  get prometheus(): string {
    return `http://127.0.0.1:${this.#env.PROMETHEUS_PORT}`;
  }

  get postgresUrl(): string {
    return this.#postgresAt(`127.0.0.1:${this.#env.POSTGRES_PORT}`);
  }

  /** Names both servers of docker-compose.ha.yml: whichever is the primary. */
  get postgresPairUrl(): string {
    return this.#postgresAt(`127.0.0.1:${this.#env.POSTGRES_PORT},127.0.0.1:${this.#env.POSTGRES_2_PORT}`);
  }

  #postgresAt(hosts: string): string {
    const { POSTGRES_USER = 'tributary', POSTGRES_PASSWORD = 'tributary', POSTGRES_DB = 'tributary' } = this.settings;
    return `postgres://${POSTGRES_USER}:${POSTGRES_PASSWORD}@${hosts}/${POSTGRES_DB}`;
  }

  async build(): Promise<void> {
    const [api, broker, ui, dashboard, postgres, postgres2, prometheus] = await freePorts(7);
    this.#env = {
      ...PACE,
      ...this.settings,
      COMPOSE_PROJECT_NAME: this.project,
      OUTPUT_DIR: this.output,
      BACKUP_DIR: join(this.folder, 'backup'),
      MOCK_API_PORT: String(api),
      RABBITMQ_PORT: String(broker),
      RABBITMQ_UI_PORT: String(ui),
      DASHBOARD_PORT: String(dashboard),
      POSTGRES_PORT: String(postgres),
      POSTGRES_2_PORT: String(postgres2),
      PROMETHEUS_PORT: String(prometheus),
      // Any free one: several producers cannot have the same.
      PRODUCER_PORT: '0',
      WEBHOOK_PORT: '0',
    };
    const { code, stderr } = await attempt('docker version --format "{{.Server.Version}}"');
    if (code !== 0) throw new Error(`no Docker engine answers; start one (see CONTRIBUTING.md): ${stderr.trim()}`);
    await this.run(`docker compose ${this.flags} build`);
  }

  /** An output folder that is there already, and belongs to somebody who lets nobody else in. */
  makeForeignOutput(): void {
    mkdirSync(this.output);
    chmodSync(this.output, 0o700);
    if (process.getuid?.() === 0) chownSync(this.output, SOMEBODY, SOMEBODY);
  }

  /** Runs a command in this project's environment. @throws Error if it fails */
  run(command: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    return run(command, { ...this.#env, ...env });
  }

  /** Runs `docker compose` with this stack's files and profiles. */
  compose(args: string): Promise<string> {
    return this.run(`docker compose ${this.flags} ${args}`);
  }

  /** Every container of the project, also one that has ended. */
  async containers(service?: string): Promise<Container[]> {
    const ids = (await this.compose('ps --all --quiet')).trim().split(/\s+/).filter(Boolean);
    if (ids.length === 0) return [];
    const all = JSON.parse(await this.run(`docker inspect ${ids.join(' ')}`)) as Container[];
    return all.filter((one) => service === undefined || one.Config.Labels['com.docker.compose.service'] === service);
  }

  /** Kills one container of a service with SIGKILL. Compose leaves it dead until the next `up`. */
  async kill(service: string): Promise<void> {
    const [victim] = (await this.containers(service)).filter(({ State }) => State.Running);
    if (victim === undefined) throw new Error(`no ${service} runs`);
    await this.run(`docker kill ${victim.Name.slice(1)}`);
  }

  /** Runs the command `tributary` in a container of its own. @returns what it wrote to its standard output */
  tools(args: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.run(`docker compose ${this.flags} run --rm tools ${args}`, env);
  }

  /** Loses all containers and volumes, and the output, but for one service; backups stay. */
  async loseAllBut(service: string): Promise<void> {
    const services = (await this.containers()).map(({ Config }) => Config.Labels['com.docker.compose.service'] ?? '');
    const lost = [...new Set(services)].filter((one) => one !== service);
    await this.compose(`rm --stop --force --volumes ${lost.join(' ')}`);
    const volumes = await this.run(
      `docker volume ls --quiet --filter label=com.docker.compose.project=${this.project}`,
    );
    await this.run(`docker volume rm ${volumes.trim().split(/\s+/).join(' ')}`);
    rmSync(this.output, { recursive: true, force: true });
  }

  /** Takes a service out of one of its networks. It stays in the others. @returns puts it back */
  async cutOff(service: string, network: string): Promise<() => Promise<string>> {
    const [full, container] = [`${this.project}_${network}`, `${this.project}-${service}-1`];
    await this.run(`docker network disconnect ${full} ${container}`);
    return () => this.run(`docker network connect --alias ${service} ${full} ${container}`);
  }

  /** Removes everything of the project, images and volumes too. */
  async remove(): Promise<void> {
    try {
      await this.compose('--profile tools down --volumes --remove-orphans --rmi local --timeout 5');
    } finally {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

/** A stack for the tests of a file: built before them, removed after them, whatever became of them. */
export function useStack(flags = '', settings: Readonly<Record<string, string>> = {}): Stack {
  const stack = new Stack(flags, settings);
  beforeAll(() => stack.build(), BUILD_TIMEOUT);
  afterAll(() => stack.remove(), DOWN_TIMEOUT);
  return stack;
}

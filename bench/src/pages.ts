import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { customerRecord, type Message } from './messages.js';

/** The limit in pipeline.yaml. */
const PAGE = 100;

export interface PagesOptions {
  /** The number of pages. */
  readonly count: number;
  /** The records of a page as a JSON list; the first page is 0. */
  readonly page: (number: number) => string;
  /** Milliseconds from the first request until a page is available; 0 unless given. */
  readonly due?: (number: number) => number;
}

/** An API that needs almost no CPU: `/customers` page by page, and no products. */
export interface Pages {
  readonly url: string;
  close(): Promise<void>;
}

export async function servePages({ count, page, due = () => 0 }: PagesOptions): Promise<Pages> {
  let beganAt: number | undefined;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname !== '/customers') return answer(response, '[]', null);
    beganAt ??= now();
    const number = Number(url.searchParams.get('cursor') ?? 0);
    const next = number + 1 < count ? String(number + 1) : null;
    const wait = beganAt + due(number) - now();
    if (wait <= 0) answer(response, page(number), next);
    else setTimeout(() => answer(response, page(number), next), wait);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(response: ServerResponse, records: string, next: string | null): void {
  const body = Buffer.from(`{"data":${records},"nextCursor":${JSON.stringify(next)}}`);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
}

/** The bodies of these messages as pages, made in advance. */
export function pagesOf(
  messages: readonly Pick<Message, 'body'>[],
  size = PAGE,
): PagesOptions & { readonly records: number } {
  const pages: string[] = [];
  for (let from = 0; from < messages.length; from += size) {
    pages.push(
      `[${messages
        .slice(from, from + size)
        .map(({ body }) => body.toString())
        .join(',')}]`,
    );
  }
  return { records: messages.length, count: pages.length, page: (number) => pages[number] ?? '[]' };
}

/** This many customers as pages. Each page is made when it is requested, because not all fit in memory. */
export function madePages(records: number): PagesOptions {
  const page = (number: number) => {
    const from = number * PAGE;
    const length = Math.min(PAGE, records - from);
    return JSON.stringify(Array.from({ length }, (_, index) => customerRecord(from + index, 0)));
  };
  return { count: Math.ceil(records / PAGE), page };
}

const now = (): number => performance.timeOrigin + performance.now();

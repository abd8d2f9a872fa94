import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { RequestHandler, Response } from 'express';

/** Beside `src` and beside `dist`, wherever this module was loaded from. */
const PUBLIC = fileURLToPath(new URL('../../public', import.meta.url));
const { resolve } = createRequire(import.meta.url);

/** What the page uses of others, as they publish it. */
const VENDOR = {
  '/vendor/uplot.js': resolve('uplot/dist/uPlot.iife.min.js'),
  '/vendor/uplot.css': resolve('uplot/dist/uPlot.min.css'),
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
};

interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/** One page, whose script reads the address. */
const PLACES = /^\/(|data|data\/[^/]+|dead-letters|dead-letters\/[^/]+|trace|audit)$/;

/**
 * The page's own files, read and compressed once: they are few and small, and there is no path from a request to the disk.
 * What is not among them goes on to the next handler.
 */
export function pageFiles(): RequestHandler {
  const files = new Map<string, PageFile>();
  for (const name of readdirSync(PUBLIC)) files.set(`/${name}`, load(join(PUBLIC, name)));
  for (const [path, file] of Object.entries(VENDOR)) files.set(path, load(file));
  return (request, response, next) => {
    const file = files.get(PLACES.test(request.path) ? '/index.html' : request.path);
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return next();
    send(file, request.acceptsEncodings('gzip') === 'gzip', request.get('if-none-match'), response);
  };
}

function load(path: string): PageFile {
  const plain = readFileSync(path);
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`;
  return { type: TYPES[extname(path)] ?? 'application/octet-stream', etag, plain, gzip: gzipSync(plain, { level: 9 }) };
}

function send({ type, etag, plain, gzip }: PageFile, zipped: boolean, known: string | undefined, response: Response) {
  response.set({ ETag: etag, Vary: 'Accept-Encoding', 'Content-Type': type });
  if (known === etag) {
    response.status(304).end();
    return;
  }
  if (zipped) response.set('Content-Encoding', 'gzip');
  response.end(zipped ? gzip : plain);
}

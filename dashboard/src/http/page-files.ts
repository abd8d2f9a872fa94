import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';
import { PAGES, pageAt } from '../../public/pages/table.js';
import { nothingHere } from './api-error.js';

/** Beside `src` and beside `dist`, wherever this module was loaded from. */
const PUBLIC = fileURLToPath(new URL('../../public', import.meta.url));
const { resolve } = createRequire(import.meta.url);

/** Files of packages that the page uses, as the packages publish them. */
const VENDOR = {
  '/vendor/uplot.js': resolve('uplot/dist/uPlot.iife.min.js'),
  '/vendor/uplot.css': resolve('uplot/dist/uPlot.min.css'),
};

/** What is served. Other files of the folder, such as type declarations, are not. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
};

/** The place in index.html for the links to everything in `ui` and `pages`. */
const LINKS = /<!-- Here the server puts .*-->/;

interface PageFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/**
 * Sends one of the page's own files. They are read and compressed once: they are few and small, and no path of a request
 * reaches the disk. All addresses of the page (see the table of pages) get the same HTML, whose script reads the address, but for the links
 * to the modules of the view.
 */
export function sendPageFile(request: Request, response: Response): void {
  files ??= readFiles();
  const view = pageAt(request.path)?.page.view;
  const known = files.get(view === undefined ? request.path : htmlOf(view));
  // A person who has mistyped an address gets the page, which says so; a program gets words in JSON.
  const file = known ?? (request.accepts(['json', 'html']) === 'html' ? files.get('/index.html') : undefined);
  if (file === undefined) nothingHere();
  if (known === undefined) response.status(404);
  response.set('Cache-Control', 'private, no-cache');
  const etag = known === undefined ? undefined : request.get('if-none-match');
  send(file, request.acceptsEncodings('gzip') === 'gzip', etag, response);
}

/** Whether a path is that of a file in memory. The addresses of the page are none. */
export function isPageFile(path: string): boolean {
  files ??= readFiles();
  return files.has(path);
}

/** The name of the HTML for a view; no path of a request has a `#`. */
const htmlOf = (view: string): string => `/index.html#${view}`;

let files: ReadonlyMap<string, PageFile> | undefined;

/** Every file by its path in URLs, as it is sent. */
export function readFiles(): ReadonlyMap<string, PageFile> {
  const found = readdirSync(PUBLIC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && Object.hasOwn(TYPES, extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
  const paths = new Map(found.map((file) => [`/${relative(PUBLIC, file).split(sep).join('/')}`, file]));
  for (const [path, file] of Object.entries(VENDOR)) paths.set(path, file);
  const files = new Map<string, PageFile>();
  for (const [path, file] of paths) files.set(path, pack(read(file), extname(file)));
  const index = readFileSync(join(PUBLIC, 'index.html'), 'utf8');
  const html = (view: string) =>
    pack(Buffer.from(index.replace(LINKS, () => linksTo([...paths.keys()], view))), '.html');
  for (const { view } of PAGES) files.set(htmlOf(view), html(view));
  files.set('/index.html', html(''));
  return files;
}

/** A file without the comments of our own scripts and style sheets: they are a quarter of what a browser would have to fetch. */
const read = (file: string): Buffer =>
  file.startsWith(PUBLIC) && /\.(js|css)$/.test(file)
    ? Buffer.from(withoutComments(readFileSync(file, 'utf8')))
    : readFileSync(file);

/**
 * Empties the lines of comments that have lines of their own. Each line keeps its number, so that an error names its place in the
 * source.
 */
function withoutComments(text: string): string {
  let within = false;
  const withoutComment = (line: string): string => {
    if (!within && /^\s*\/\//.test(line)) return '';
    within ||= /^\s*\/\*/.test(line);
    if (!within) return line;
    const end = line.indexOf('*/');
    if (end === -1) return '';
    within = false;
    return line.slice(end + 2);
  };
  return text.split('\n').map(withoutComment).join('\n');
}

/**
 * Links to all style sheets, and to the modules of `ui` and of the view: a browser fetches them at once, not one after the other as it
 * finds the imports. Pages come last, so that their styles win. The modules of other views are fetched behind them.
 */
function linksTo(paths: readonly string[], view: string): string {
  const inFolder = (folder: string) => paths.filter((path) => path.startsWith(folder)).sort();
  const isOfView = (path: string) => path === `/pages/${view}.js` || path.startsWith(`/pages/${view}/`);
  const isNeeded = (path: string) =>
    path.endsWith('.css') || path.startsWith('/ui/') || path === '/pages/table.js' || isOfView(path);
  const links = [...inFolder('/ui/'), ...inFolder('/pages/')].filter(isNeeded);
  const linkTo = (path: string) =>
    path.endsWith('.css') ? `<link rel="stylesheet" href="${path}" />` : `<link rel="modulepreload" href="${path}" />`;
  return links.map(linkTo).join('\n    ');
}

function pack(plain: Buffer, extension: string): PageFile {
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`;
  const type = TYPES[extension] ?? 'application/octet-stream';
  return { type, etag, plain, gzip: gzipSync(plain, { level: 9 }) };
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

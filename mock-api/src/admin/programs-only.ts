import type { RequestHandler } from 'express';
import { Problem } from '../problem.js';

/**
 * Refuses what a page makes a browser send: a page of any site could otherwise change the CRM of a person who reads it, since a form or a
 * text needs no permission of the server. Browsers name the page's origin with each such request, and the site with each request at all;
 * tests and commands send neither. What a person types into the address bar (`none`) may be read.
 */
export const programsOnly: RequestHandler = (request, _response, next) => {
  const site = request.get('sec-fetch-site');
  if (request.get('origin') !== undefined || (site !== undefined && site !== 'none')) {
    const message = 'a web page asked for this: /admin is for programs, such as curl or the dashboard';
    throw new Problem(403, 'other_origin', message);
  }
  next();
};

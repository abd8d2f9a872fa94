import { expect, test } from 'vitest';
import { passwordsOf } from '../../../src/sources/sql/concealed.js';

test.each([
  ['postgres://me:secret%21word@host/db', ['secret%21word', 'secret!word']],
  ['postgres://me@host/db?password=in%20the%20query&sslmode=require', ['in the query', 'in%20the%20query']],
  ['postgres://me@host/db?sslpassword=of-the-key', ['of-the-key', 'of-the-key']],
  ['mysql://me:50%off@host/db', ['50%off', '50%off']],
  ['postgres://me@host/db?application_name=x', []],
])('the passwords of %s are known as they are written and as they are read', (url, expected) => {
  expect(passwordsOf(url)).toEqual(expected);
});

import { describe, expect, test } from 'vitest';
import { FatalError } from '../../src/errors.js';
import { describeBrokerError, maxMessageSizeIn } from '../../src/index.js';

const closed = (words: string) => new Error(`Channel closed by server: ${words}`);

describe("the broker's reasons", () => {
  test.each([
    [
      closed(
        `403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - access to queue 'q' in vhost '/x' refused for user 'u'"`,
      ),
      `403 ACCESS_REFUSED - access to queue 'q' in vhost '/x' refused for user 'u'; the user may not use it; allow it: rabbitmqctl set_permissions -p /x u ".*" ".*" ".*" (configure, write, read)`,
    ],
    [
      closed(
        '406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms."',
      ),
      /^406 PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out.*; a delivery was held longer than consumer_timeout/,
    ],
    [
      new Error(
        `Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."`,
      ),
      /^403 ACCESS_REFUSED - Login was refused.*the user or the password in AMQP_URL/,
    ],
    [
      new Error(
        `Operation failed: QueueDeclare; 405 (RESOURCE-LOCKED) with message "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'"`,
      ),
      /^Operation failed: QueueDeclare; 405 RESOURCE_LOCKED - .*another connection has it for itself alone/,
    ],
    [
      "530 NOT_ALLOWED - access to vhost 'other' refused for user 'guest'",
      /rabbitmqctl set_permissions -p other guest/,
    ],
    ['530 NOT_ALLOWED - vhost nowhere not found', /rabbitmqctl add_vhost/],
    [new Error('Frame size 1345270062 exceeds maxFrameSize 67108864'), /does not speak AMQP 0-9-1.*15672/],
    [new Error('ssl3_get_record:wrong version number'), /does not speak TLS/],
    [new Error('something else'), /^something else$/],
  ])('%s', (error, words) => {
    expect(describeBrokerError(error)).toMatch(words);
  });

  test('leave an error that says what to do as it is', () => {
    const cause = closed(
      `406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg 'x' for queue 'q'"`,
    );
    expect(describeBrokerError(new FatalError('topology_conflict', 'drain and delete it', { cause }))).toBe(
      "drain and delete it: 406 PRECONDITION_FAILED - inequivalent arg 'x' for queue 'q'",
    );
  });

  test('tell the largest message that the broker takes', () => {
    const refused = '406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - message size 9 is larger than';
    expect(maxMessageSizeIn(closed(`${refused} configured max size 8"`))).toBe(8);
    expect(maxMessageSizeIn(closed(`${refused} max size 7"`))).toBe(7);
    expect(maxMessageSizeIn(closed('something else'))).toBeUndefined();
  });
});

import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Where a server is asked, and as whom. */
export interface Asked {
  readonly protocol: string;
  readonly hostname: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
}

/** Milliseconds that asking may take. */
const PATIENCE = 5_000;

const METHOD_FRAME = 1;
const FRAME_END = 0xce;

/** Methods of the opening handshake: their class and method numbers in one (AMQP 0-9-1, section 2.2.4). */
const START = 0x000a000a;
const START_OK = 0x000a000b;
const TUNE = 0x000a001e;
const TUNE_OK = 0x000a001f;
const OPEN = 0x000a0028;
const OPEN_OK = 0x000a0029;
const CLOSE = 0x000a0032;

/**
 * Asks a server why it lets nobody into the vhost. RabbitMQ says so while a connection is opened, and amqplib throws these
 * words away ("Expected ConnectionOpenOk; got <ConnectionClose>"). So the handshake is done once more, up to the answer.
 * @returns the code and the words of the server; undefined if it has let us in, or has not answered
 */
export function askForRefusal(asked: Asked): Promise<string | undefined> {
  const { hostname: host, port, protocol } = asked;
  return new Promise((resolve) => {
    const socket = protocol === 'amqps' ? connectTls({ host, port, servername: host }) : connect({ host, port });
    const end = (answer?: string) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PATIENCE, () => end());
    socket.on('error', () => end());
    socket.on('close', () => end());
    socket.on(protocol === 'amqps' ? 'secureConnect' : 'connect', () => socket.write('AMQP\0\0\x09\x01', 'latin1'));
    let rest = Buffer.alloc(0);
    socket.on('data', (piece) => {
      rest = Buffer.concat([rest, piece]);
      for (let size = frameSize(rest); size !== undefined && rest.length >= size; size = frameSize(rest)) {
        const payload = rest.subarray(7, size - 1);
        rest = rest.subarray(size);
        const method = payload.readUInt32BE(0);
        const fields = payload.subarray(4);
        if (method === START) socket.write(frame(START_OK, startOk(asked)));
        else if (method === TUNE) {
          // What the server proposes is taken.
          socket.write(frame(TUNE_OK, fields));
          socket.write(frame(OPEN, Buffer.concat([shortText(asked.vhost), shortText(''), Buffer.of(0)])));
        } else if (method === CLOSE) {
          return end(`${fields.readUInt16BE(0)} ${fields.toString('utf8', 3, 3 + (fields[2] ?? 0))}`);
        } else if (method === OPEN_OK) return end();
      }
    });
  });
}

/** The bytes of the first frame; undefined if they are not known yet. A frame: type, channel, size, payload, end. */
const frameSize = (bytes: Buffer): number | undefined => (bytes.length < 7 ? undefined : 7 + bytes.readUInt32BE(3) + 1);

function frame(method: number, fields: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head[0] = METHOD_FRAME;
  head.writeUInt32BE(4 + fields.length, 3);
  head.writeUInt32BE(method, 7);
  return Buffer.concat([head, fields, Buffer.of(FRAME_END)]);
}

function startOk({ username, password }: Asked): Buffer {
  const properties = Buffer.alloc(4);
  const response = Buffer.from(`\0${username}\0${password}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  return Buffer.concat([properties, shortText('PLAIN'), length, response, shortText('en_US')]);
}

function shortText(text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

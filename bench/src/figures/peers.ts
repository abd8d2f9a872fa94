import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { publishBarely } from '../bare/publish.js';
import { type Bench, warmUpOf } from '../bench.js';
import { emptyAll } from '../consumers.js';
import { drainByConsumers } from '../drain.js';
import { type Figure, LeftOut } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages, type Message } from '../messages.js';
import { describeHarm, killOurs, killPeer } from '../peers/kills.js';
import { PEERS, type Peer } from '../peers/peers.js';

const RECORDS = 50_000;
const ROUNDS = 3;
const KILLS = 10;

/** How many times as fast Tributary is as another consumer, and what both lose when they are killed. */
function peerFigure(peer: Peer): Figure {
  const name = `peers.${peer.name}`;
  return {
    name,
    unit: 'records/s',
    sentence: peer.sentence,
    async measure(bench) {
      if (bench.quick) throw new LeftOut('a quick run has too few records for a comparison with a peer');
      const messages = customerMessages({ count: RECORDS });
      // Before the rounds: it may be that it cannot be measured here.
      await peer.command(bench);
      const speed = await interleave(bench, name, ROUNDS, {
        async ours() {
          const rows = { customers: RECORDS };
          const load = { sink: peer.sink, messages, rows, consumers: 1, warmUp: warmUpOf(RECORDS) };
          return (await drainByConsumers(bench, load)).perSecond;
        },
        limit: () => drainByPeer(bench, peer, messages),
      });
      const theirs = await killPeer(bench, peer, messages, KILLS);
      const ours = await killOurs(bench, peer.sink, messages, KILLS);
      const detail = `killed ${KILLS} times over ${RECORDS.toLocaleString('en')} records: it ${describeHarm(theirs)}, Tributary ${describeHarm(ours)}`;
      return { ...speed, more: { ...speed.more, killed: { times: KILLS, theirs, ours } }, detail };
    },
  };
}

export const peerFigures: readonly Figure[] = PEERS.map(peerFigure);

async function drainByPeer(bench: Bench, peer: Peer, messages: readonly Message[]): Promise<number> {
  const [broker, redis] = await Promise.all([bench.servers.broker(), bench.servers.redis()]);
  await emptyAll(bench);
  await publishBarely(broker, messages);
  const [program, ...words] = await peer.command(bench);
  const { address } = await peer.output(bench);
  const args = [...words, broker.url, redis.url, broker.queueOf('customer'), String(messages.length), address];
  const { stdout } = await promisify(execFile)(program, args, { env: bench.environment, signal: bench.signal });
  return messages.length / Number(stdout);
}

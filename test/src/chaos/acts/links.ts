import type { Fault } from '../plan.js';
import type { Link } from '../world/link.js';
import { type Act, type Scene, seconds } from './act.js';

/** A network is late, and not always by the same. */
export const slowLink: Act = (fault, scene) =>
  onLink(fault, scene, async (name, link) => {
    const latency = 20 + Math.round(fault.degree * 200);
    link.setWeather({ kind: 'slow', latency, jitter: latency });
    const late = `${latency} to ${2 * latency} ms`;
    scene.count(fault, `${name}: each packet is ${late} late, for ${seconds(fault.length)}`);
    await scene.sleep(fault.length);
    link.setWeather({ kind: 'fair' });
  });

/** A firewall that drops everything, without a word to either side. */
export const silentLink: Act = (fault, scene) => hush(fault, scene, 'silent', 'no packet comes through');

/** Half-open: requests arrive, answers do not. */
export const deafLink: Act = (fault, scene) => hush(fault, scene, 'deaf', 'no answer comes through');

const hush = (fault: Fault, scene: Scene, kind: 'silent' | 'deaf', words: string): Promise<void> =>
  onLink(fault, scene, async (name, link) => {
    link.setWeather({ kind });
    const end = fault.otherWay ? 'then the connections are reset' : 'then all come';
    scene.count(fault, `${name}: ${words} for ${seconds(fault.length)}, ${end}`);
    await scene.sleep(fault.length);
    if (fault.otherWay) link.reset();
    link.setWeather({ kind: 'fair' });
  });

/** A connection breaks in the middle of a frame. */
export const cutLink: Act = async (fault, scene) => {
  const [name, link] = chosen(fault, scene);
  link.cut();
  scene.count(fault, `${name}: cut in the middle of what is being sent`);
};

function onLink(fault: Fault, scene: Scene, act: (name: string, link: Link) => Promise<void>): Promise<void> {
  const [name, link] = chosen(fault, scene);
  return scene.inTurn(link, () => act(name, link));
}

function chosen({ victim }: Fault, { stage }: Scene): readonly [name: string, link: Link] {
  const links = [...stage.world.links];
  const link = links[Math.floor(victim * links.length)];
  if (link === undefined) throw new Error('this stage has no links');
  return link;
}

import type { AlertChannel, AlertChannelKind, Clock } from '@tributary/shared';
import type { Channel, MakeChannel } from './channel.js';
import { email } from './email.js';
import { slack } from './slack.js';
import { webhook } from './webhook.js';

const CHANNELS: { readonly [K in AlertChannelKind]: MakeChannel<K> } = { webhook, slack, email };

export const createChannel = (settings: AlertChannel, clock: Clock): Channel =>
  // Each channel's settings go to the maker that they name.
  (CHANNELS[settings.type] as MakeChannel<AlertChannelKind>)(settings, clock);

import { carrierOf, withParameters } from '../ask/settings.js';
import type { Settings } from '../guess.js';
import { SIZES } from './names.js';
import type { Found } from './trial.js';

/** The size that the request, or the next page's address, asks for is a setting of paging. */
export function withSize(settings: Settings, paging: Settings, size: Found['size'], url = ''): Settings {
  if (carrierOf(settings) !== 'query' || paging.size !== undefined) {
    const [name] = size ?? [];
    return {
      ...(name === undefined || carrierOf(settings) !== 'query'
        ? settings
        : withParameters(settings, { [name]: undefined })),
      paging,
    };
  }
  if (size !== undefined)
    return {
      ...withParameters(settings, { [size[0]]: undefined }),
      paging: { ...paging, sizeParameter: size[0], size: size[1] },
    };
  return { ...settings, paging: { ...paging, ...sizeIn(url) } };
}

function sizeIn(url: string): Settings {
  const entries = [...new URLSearchParams(url.split('?')[1] ?? '')];
  const found = entries.find(([name, value]) => SIZES.includes(name) && /^\d+$/.test(value) && value !== '0');
  return found === undefined ? {} : { sizeParameter: found[0], size: Number(found[1]) };
}

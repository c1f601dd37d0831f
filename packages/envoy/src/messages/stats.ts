import type { StatsTag } from '../model.js';
import { refuseUnsupported } from '../refusals.js';
import { noted, repeated, required, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { name } from '../schema/scalars.js';
import { compile } from './route-match.js';

export const tagSpecifier = message('envoy.config.metrics.v3.TagSpecifier', {
  fields: {
    tag_name: required(name),
    regex: required(name, 'RE2, as far as JavaScript can say the same'),
  },
  unsupported: ['fixed_value'],
});

const tagOf: Read<StatsTag> = mapped(tagSpecifier, ({ at, tag_name: tag, regex, placeOf }) => {
  const place = placeOf('regex');
  compile(regex, place);
  try {
    return { at, name: tag, pattern: new RegExp(regex.replaceAll('(?P<', '(?<')) };
  } catch {
    return refuseUnsupported(place, 'this regular expression can not be said in JavaScript');
  }
});

export const statsConfig = message('envoy.config.metrics.v3.StatsConfig', {
  fields: {
    stats_tags: repeated(tagOf),
    use_all_default_tags: noted('only what filters count has tags'),
  },
  unsupported: ['stats_matcher', 'histogram_bucket_settings'],
});

export const statsTagsOf: Read<readonly StatsTag[]> = mapped(
  statsConfig,
  ({ stats_tags: tags }) => tags,
);

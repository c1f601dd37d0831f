import type * as cel from '@bufbuild/cel';

import { Status } from '../../abi/types.js';
import { messageOf } from '../../errors.js';
import { loadPackage } from '../lazy-package.js';
import { ForeignFailure } from './caller.js';

export type Cel = typeof cel;

const PACKAGE = '@bufbuild/cel';

let loaded: Cel | undefined;

/**
 * The CEL package, which an app installs if its filters use expressions: it is larger than the rest
 * of what core needs. Loaded when first asked for, and at once, since the guest is waiting.
 *
 * @throws ForeignFailure NOT_FOUND, as for a function that is not there
 */
export function loadCel(): Cel {
  try {
    loaded ??= loadPackage(PACKAGE) as Cel;
    return loaded;
  } catch (error) {
    const text = `expressions need the package ${PACKAGE}, which could not be loaded (${messageOf(error)})`;
    throw new ForeignFailure(Status.NOT_FOUND, text);
  }
}

/** A reverse proxy, with or without a filter. */
import { readArgument, serving } from '../child.mjs';
import { startProxy } from './command.mjs';

serving(await startProxy(readArgument()));

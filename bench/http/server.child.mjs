/** One framework's server, with or without something before its app. */
import { readArgument, serve } from '../child.mjs';
import { frameworkNamed } from './framework.mjs';

/** @typedef {import('./middleware.mjs').Middleware} Middleware */
/** @typedef {{ framework: string, middleware: Middleware }} ServerJob */

/** @type {ServerJob} */
const { framework, middleware } = readArgument();
serve(await frameworkNamed(framework).open(middleware));

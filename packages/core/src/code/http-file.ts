import { authorizationOf } from './authorization.js';
import type { HttpClient } from './http-client.js';
import type { HttpUrl } from './remote-url.js';
import { statusError } from './source-errors.js';
import type { SourceSettings } from './source-settings.js';

/**
 * A module from an `https:` or `http:` URL.
 *
 * @throws ProxyWasmError PW_ERR_CODE_…
 */
export async function fetchFile(
  { url, credentials, shown }: HttpUrl,
  settings: SourceSettings,
  client: HttpClient,
): Promise<Uint8Array<ArrayBuffer>> {
  const authorization = authorizationOf(credentials ?? settings.credentials);
  const answer = await client.get({
    url,
    what: shown,
    headers: {
      accept: 'application/wasm, */*;q=0.5',
      ...settings.headers,
      ...(authorization === undefined ? {} : { authorization }),
    },
    maxBytes: settings.maxBytes,
  });
  if (answer.status === 200) return new Uint8Array(answer.body);
  const hint =
    answer.redirects.length > 0
      ? 'credentials are not sent to where a server redirects: give the URL where the module is'
      : 'codeSource.credentials or codeSource.headers may be missing or wrong';
  throw statusError(shown, answer, hint);
}

/** How a registry is shown who asks: nobody, a user, or a token from the server that it names. */
import { authorizationOf } from '../authorization.js';
import type { HttpAnswer, HttpClient } from '../http-client.js';
import { isPlainObject } from '../json.js';
import type { ImageReference } from '../remote-url.js';
import { fetchError, refusedError, statusError } from '../source-errors.js';
import type { SourceSettings } from '../source-settings.js';
import { parseChallenges, type Challenge } from './challenge.js';
import { findRegistryAuth, type RegistryAuth } from './docker-config.js';

/** A redirect would take the password along, or be of no use. */
const TOKEN_SERVER = { follow: false, isElsewhere: true, maxBytes: 1024 * 1024 } as const;

export const MISSING_CREDENTIALS =
  'codeSource.credentials or codeSource.dockerConfig may be missing, wrong, or not allowed to pull it';

/** The `authorization` for one repository; a password is sent once it is asked for. */
export class RegistryAccess {
  readonly #reference: ImageReference;
  readonly #client: HttpClient;
  readonly #auth: RegistryAuth | undefined;
  /** The next request's header. */
  authorization: string | undefined;

  private constructor(
    reference: ImageReference,
    client: HttpClient,
    auth: RegistryAuth | undefined,
  ) {
    this.#reference = reference;
    this.#client = client;
    this.#auth = auth;
    const token = auth?.registryToken;
    this.authorization = token === undefined ? undefined : authorizationOf({ token });
  }

  /** The credentials of the URL come first, then `credentials`, then `dockerConfig`. */
  static async open(
    reference: ImageReference,
    { credentials, dockerConfig }: SourceSettings,
    client: HttpClient,
  ): Promise<RegistryAccess> {
    const { registry, repository } = reference;
    const given = reference.credentials ?? credentials;
    const auth =
      given === undefined
        ? await findRegistryAuth(dockerConfig, registry, repository)
        : {
            user: 'token' in given ? undefined : given,
            identityToken: undefined,
            registryToken: 'token' in given ? given.token : undefined,
          };
    return new RegistryAccess(reference, client, auth);
  }

  /**
   * Gets what the registry wants to be shown.
   *
   * @param answer its 401
   * @param base where the registry is
   * @returns false: there is nothing to show
   * @throws ProxyWasmError PW_ERR_CODE_REFUSED, PW_ERR_CODE_FETCH
   */
  async answerChallenge(answer: HttpAnswer, base: URL): Promise<boolean> {
    const challenges = parseChallenges(answer.headers['www-authenticate']);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const basic = challenges.find(({ scheme }) => scheme === 'basic');
    const user = this.#auth?.user;
    if (bearer !== undefined && this.#auth?.registryToken === undefined) {
      this.authorization = authorizationOf({ token: await this.#fetchToken(bearer, base) });
      return true;
    }
    if (basic === undefined || user === undefined) return false;
    this.authorization = authorizationOf(user);
    return true;
  }

  async #fetchToken(challenge: Challenge, base: URL): Promise<string> {
    const { registry, repository, shown } = this.#reference;
    const { realm = '', service, scope = `repository:${repository}:pull` } = challenge.parameters;
    const url = this.#tokenUrl(realm, base);
    const what = `a token for ${shown} from ${url.host}`;
    const fields = { ...(service === undefined ? {} : { service }), scope };
    const { identityToken, user } = this.#auth ?? {};
    const answer =
      identityToken === undefined
        ? await this.#getToken(url, fields, what, authorizationOf(user))
        : await this.#exchangeToken(url, fields, what, identityToken);
    if (answer.status !== 200) throw statusError(what, answer, MISSING_CREDENTIALS);
    const token = tokenIn(answer.body);
    if (token !== undefined) return token;
    throw fetchError(`${what}: the server that ${registry} names answered without a token`);
  }

  #tokenUrl(realm: string, base: URL): URL {
    const { registry } = this.#reference;
    if (!URL.canParse(realm)) {
      throw refusedError(`${registry} asks for a token, but does not say from where (realm)`);
    }
    const url = new URL(realm);
    // A password must not go where the way to the registry itself was safe, and this one is not.
    const isSafe =
      url.protocol === 'https:' || (url.protocol === 'http:' && base.protocol === 'http:');
    if (isSafe) return url;
    throw refusedError(
      `${registry} asks for a token from ${url.protocol}//${url.host}, without TLS; that is not done`,
    );
  }

  #getToken(
    url: URL,
    fields: Readonly<Record<string, string>>,
    what: string,
    authorization: string | undefined,
  ): Promise<HttpAnswer> {
    const full = new URL(url);
    for (const [name, value] of Object.entries(fields)) full.searchParams.set(name, value);
    const headers = authorization === undefined ? {} : { authorization };
    return this.#client.get({
      ...{ url: full, what, headers, ...TOKEN_SERVER },
    });
  }

  /** OAuth 2, as registries have it for what `docker login` keeps as an identity token. */
  #exchangeToken(
    url: URL,
    fields: Readonly<Record<string, string>>,
    what: string,
    identityToken: string,
  ): Promise<HttpAnswer> {
    const form = new URLSearchParams({
      ...fields,
      grant_type: 'refresh_token',
      refresh_token: identityToken,
      client_id: 'proxy-wasm-node',
    });
    return this.#client.get({
      ...{ url, what, ...TOKEN_SERVER },
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
  }
}

function tokenIn(body: Uint8Array): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isPlainObject(json)) return undefined;
  // Both names are in use; a header must not be broken by what comes.
  const token = json['token'] ?? json['access_token'];
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}

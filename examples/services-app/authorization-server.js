// A gRPC server such as Envoy's external authorisation asks: it says who may read orders.
import { fileURLToPath } from 'node:url';

import { loadPackageDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const file = fileURLToPath(new URL('authorization.proto', import.meta.url));
const { envoy } = /** @type {any} */ (loadPackageDefinition(loadSync(file)));

/** @typedef {{ attributes: { request: { http: { headers: Record<string, string> } } } }} Question */

const DENIED = {
  status: { code: status.PERMISSION_DENIED },
  deniedResponse: { status: { code: 403 }, body: 'orders are for clerks\n' },
};
const ALLOWED = {
  status: { code: status.OK },
  okResponse: { headers: [{ header: { key: 'x-auth-role', value: 'clerk' } }] },
};

/**
 * Listens on a free port of this machine.
 *
 * @returns {Promise<{ origin: string, close: () => void }>}
 */
export async function startAuthorizationServer() {
  const server = new Server();
  server.addService(envoy.service.auth.v3.Authorization.service, {
    Check(
      /** @type {import('@grpc/grpc-js').ServerUnaryCall<Question, object>} */ { request },
      /** @type {import('@grpc/grpc-js').sendUnaryData<object>} */ answer,
    ) {
      const { authorization } = request.attributes.request.http.headers;
      answer(null, authorization === 'Bearer clerk' ? ALLOWED : DENIED);
    },
  });
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return { origin: `http://127.0.0.1:${String(port)}`, close: () => server.forceShutdown() };
}

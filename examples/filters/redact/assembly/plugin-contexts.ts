// The SDK (1.2.3) looks for the plugin's context among those of streams when the plugin ends, finds
// none and aborts. These take the place of its own callbacks.
import {
  proxy_on_context_create as createContext,
  proxy_on_delete as deleteStream,
  proxy_on_done as endStream,
} from "@gcoredev/proxy-wasm-sdk-as/assembly/exports";

const plugins = new Set<u32>();

export function proxy_on_context_create(contextId: u32, parentId: u32): void {
  if (parentId == 0) plugins.add(contextId);
  createContext(contextId, parentId);
}

export function proxy_on_done(contextId: u32): u32 {
  return plugins.has(contextId) ? 1 : endStream(contextId);
}

export function proxy_on_delete(contextId: u32): void {
  if (!plugins.delete(contextId)) deleteStream(contextId);
}

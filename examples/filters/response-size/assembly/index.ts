// The response-size filter records how many bytes responses' bodies have.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
export { proxy_on_context_create, proxy_on_delete, proxy_on_done } from "./plugin-contexts";

import {
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  Histogram,
  RootContext,
  registerRootContext,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Plugin extends RootContext {
  // The host knows it by its name, so it is the same for all that define it.
  private sizes: Histogram = new Histogram("response_body_bytes");

  createContext(contextId: u32): Context {
    return new Stream(contextId, this, this.sizes);
  }
}

class Stream extends Context {
  private hasResponse: bool = false;
  private size: u64 = 0;

  constructor(contextId: u32, root: RootContext, private sizes: Histogram) {
    super(contextId, root);
  }

  onResponseHeaders(_count: u32, _endOfStream: bool): FilterHeadersStatusValues {
    this.hasResponse = true;
    return FilterHeadersStatusValues.Continue;
  }

  // Every piece once, since none is held back.
  onResponseBody(size: usize, _endOfStream: bool): FilterDataStatusValues {
    this.size += <u64>size;
    return FilterDataStatusValues.Continue;
  }

  onLog(): void {
    if (this.hasResponse) this.sizes.record(this.sizes.metric_id, this.size);
  }
}

registerRootContext((contextId: u32) => new Plugin(contextId), "response-size");

// A filter that traps: in each request's head by what AssemblyScript makes of an error that is thrown,
// and in each response's head by an instruction of its own. Built with a source map, so that tests can
// ask where.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";

import {
  Context,
  FilterHeadersStatusValues,
  RootContext,
  registerRootContext,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

class Plugin extends RootContext {
  createContext(contextId: u32): Context {
    return new Stream(contextId, this);
  }
}

class Stream extends Context {
  onRequestHeaders(count: u32, _endOfStream: bool): FilterHeadersStatusValues {
    authorize(count);
    return FilterHeadersStatusValues.Continue;
  }

  onResponseHeaders(_count: u32, _endOfStream: bool): FilterHeadersStatusValues {
    return giveUp();
  }
}

// @ts-ignore: a decorator of AssemblyScript's
@inline(false)
function authorize(count: u32): void {
  if (count > 0) throw new Error("no realm");
}

function giveUp(): FilterHeadersStatusValues {
  unreachable();
  return FilterHeadersStatusValues.Continue;
}

registerRootContext((contextId: u32) => new Plugin(contextId), "");

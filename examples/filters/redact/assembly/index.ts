// The redact filter masks card numbers in response bodies.
export * from "@gcoredev/proxy-wasm-sdk-as/assembly/proxy";
export { proxy_on_context_create, proxy_on_delete, proxy_on_done } from "./plugin-contexts";

import {
  BufferTypeValues,
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  FilterTrailersStatusValues,
  LogLevelValues,
  RootContext,
  WasmResultValues,
  get_buffer_bytes,
  log,
  registerRootContext,
  set_buffer_bytes,
  stream_context,
} from "@gcoredev/proxy-wasm-sdk-as/assembly";

import { CardNumbers } from "./card-numbers";

const BODY = BufferTypeValues.HttpResponseBody;

class Plugin extends RootContext {
  createContext(contextId: u32): Context {
    return new Stream(contextId, this);
  }
}

class Stream extends Context {
  private cardNumbers: CardNumbers = new CardNumbers();

  // Bytes that the client has not got yet: they may begin a card number.
  private heldBack: Uint8Array = new Uint8Array(0);

  private isCompressed: bool = false;
  private hasTrailers: bool = false;

  onResponseHeaders(_count: u32, _endOfStream: bool): FilterHeadersStatusValues {
    const headers = stream_context.headers.response;
    const encoding = headers.get("content-encoding").toLowerCase();
    this.isCompressed = encoding != "" && encoding != "identity";
    this.hasTrailers = headers.get("trailer") != "";
    return FilterHeadersStatusValues.Continue;
  }

  onResponseBody(size: usize, endOfStream: bool): FilterDataStatusValues {
    if (this.isCompressed) return FilterDataStatusValues.Continue;

    const stateBefore = this.cardNumbers.state;
    const body = this.withHeldBack(get_buffer_bytes(BODY, 0, <u32>size));
    let changed = this.cardNumbers.mask(body, this.heldBack.length);
    if (endOfStream && this.cardNumbers.maskLast(body)) changed = true;
    const open = endOfStream ? 0 : this.cardNumbers.openLength;

    if (open > 0 && this.hasTrailers) {
      // After trailers there is no body to put bytes in, so the host holds back this whole piece
      // and shows it again with the next one.
      this.cardNumbers.state = stateBefore;
      return FilterDataStatusValues.StopIterationAndBuffer;
    }
    if (changed || open > 0 || this.heldBack.length > 0) {
      this.replaceBody(<u32>size, open == 0 ? body : body.slice(0, body.length - open));
    }
    this.heldBack = body.slice(body.length - open);
    return FilterDataStatusValues.Continue;
  }

  // Trailers that the headers did not announce; not every host takes body bytes here.
  onResponseTrailers(_count: u32): FilterTrailersStatusValues {
    if (this.heldBack.length > 0) {
      this.cardNumbers.maskLast(this.heldBack);
      if (set_buffer_bytes(BODY, 0, 0, this.heldBack.buffer) != WasmResultValues.Ok) {
        log(
          LogLevelValues.error,
          "unannounced trailers: the last " + this.heldBack.length.toString() + " bytes are lost"
        );
      }
    }
    return FilterTrailersStatusValues.Continue;
  }

  private withHeldBack(piece: ArrayBuffer): Uint8Array {
    const added = Uint8Array.wrap(piece);
    if (this.heldBack.length == 0) return added;
    const joined = new Uint8Array(this.heldBack.length + added.length);
    joined.set(this.heldBack);
    joined.set(added, this.heldBack.length);
    return joined;
  }

  // Sending what could not be masked would be worse than failing the response, so this traps.
  private replaceBody(size: u32, bytes: Uint8Array): void {
    const result = set_buffer_bytes(BODY, 0, size, bytes.buffer);
    if (result != WasmResultValues.Ok) {
      throw new Error("the host does not take the masked body: status " + result.toString());
    }
  }
}

registerRootContext((contextId: u32) => new Plugin(contextId), "redact");

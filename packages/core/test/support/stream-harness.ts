/** Drives an HttpStream over real WebAssembly guests, with plain objects at its two ends. */
import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { LogLevel } from '../../src/abi/types.js';
import { PluginContext } from '../../src/contexts/plugin-context.js';
import type { PluginSettings } from '../../src/contexts/plugin-settings.js';
import type { UpstreamPort } from '../../src/contexts/ports.js';
import { RestrictedContext, VmContext } from '../../src/contexts/vm-context.js';
import { createEnvImports } from '../../src/hostcalls/table.js';
import type { LogSink } from '../../src/logger.js';
import { createServices } from '../../src/services/host-services.js';
import { HeaderList } from '../../src/stream/header-list.js';
import { HttpStream } from '../../src/stream/http-stream.js';
import type { StreamEnds, StreamPlugin } from '../../src/stream/ports.js';
import type { HeaderMap, PropertyValue } from '../../src/vm/context.js';
import { defer } from '../../src/vm/deferred.js';
import { DEFAULT_HOSTCALL_LIMITS } from '../../src/vm/hostcall-limits.js';
import { Vm } from '../../src/vm/vm.js';

export interface TestPlugin extends StreamPlugin {
  readonly vm: Vm;
  /** Messages that the guest logged, without the prefix. */
  readonly logs: string[];
  failOpen: boolean;
}

interface TestPluginOptions {
  name?: string;
  rootId?: string;
  vmId?: string;
  failOpen?: boolean;
  allowOnHeadersStopIteration?: boolean;
  logLevel?: LogLevel;
  logs?: string[];
  upstreams?: UpstreamPort;
  upstreamCalls?: number;
}

const NO_UPSTREAMS: UpstreamPort = {
  has: () => false,
  find: () => undefined,
  close: () => undefined,
};

/** A plugin in a VM of its own, started and configured, as the plugin class would have it. */
export async function testPlugin(
  script: GuestScript | Uint8Array,
  options: TestPluginOptions = {},
): Promise<TestPlugin> {
  const bytes = script instanceof Uint8Array ? script : await guest(script);
  const logs = options.logs ?? [];
  const log: LogSink = {
    level: options.logLevel ?? LogLevel.TRACE,
    write: (_level, _fields, message) => logs.push(message.replace(/^wasm log[^:]*: /, '')),
  };
  const vm = await startVm(bytes, log, options);
  const settings: PluginSettings = {
    name: options.name ?? 'test',
    rootId: options.rootId ?? '',
    configuration: new Uint8Array(0),
    log,
    property: () => undefined,
    upstreams: options.upstreams ?? NO_UPSTREAMS,
    instruments: null,
    allowOnHeadersStopIteration: options.allowOnHeadersStopIteration ?? false,
  };
  const root = new PluginContext(vm, settings);
  root.onContextCreate();
  root.onVmStart();
  root.onConfigure();
  return {
    name: settings.name,
    vm,
    logs,
    failOpen: options.failOpen ?? false,
    get context() {
      return vm.failure === undefined ? root : undefined;
    },
  };
}

async function startVm(bytes: Uint8Array, log: LogSink, options: TestPluginOptions): Promise<Vm> {
  const { exports: names } = await inspect(bytes);
  const version = /proxy_abi_version_(\d)_(\d)_(\d)/.exec(names.join(' '));
  const identity = {
    vmId: options.vmId ?? '',
    abiVersion: (version?.slice(1).join('.') ?? '0.2.1') as '0.2.1',
    configuration: new Uint8Array(0),
    environment: {},
    allowed: () => true,
  };
  const vm = new Vm(
    identity,
    (self) => new VmContext(self, log),
    (self) => new RestrictedContext(self),
  );
  const { upstreamCalls = DEFAULT_HOSTCALL_LIMITS.upstreamCalls } = options;
  vm.limits = { ...DEFAULT_HOSTCALL_LIMITS, upstreamCalls };
  vm.onFailure = () => {
    for (const context of vm.contexts.values()) {
      defer(() => {
        (context as { vmFailed?: () => void }).vmFailed?.();
      });
    }
  };
  const { instance } = await WebAssembly.instantiate(bytes as BufferSource, {
    env: createEnvImports(vm, createServices()),
  });
  vm.bind(instance.exports, instance.exports['memory'] as WebAssembly.Memory);
  return vm;
}

async function inspect(bytes: Uint8Array): Promise<{ exports: string[] }> {
  const module = await WebAssembly.compile(bytes as BufferSource);
  return { exports: WebAssembly.Module.exports(module).map(({ name }) => name) };
}

/** What came out at the two ends, as lines: "app headers", "client data abc end", … */
export class TestEnds implements StreamEnds {
  readonly events: string[] = [];
  responseStarted = false;
  localHead: HeaderMap | undefined;
  attributes: Record<string, PropertyValue> = {};
  /** Runs when the app gets the request's head. */
  app: (endOfStream: boolean) => void = () => undefined;

  requestHeaders(endOfStream: boolean): void {
    this.events.push(`app headers${end(endOfStream)}`);
    this.app(endOfStream);
  }
  requestData(chunk: Uint8Array, endOfStream: boolean): void {
    this.events.push(`app data ${text(chunk)}${end(endOfStream)}`);
  }
  requestTrailers(trailers: HeaderMap): void {
    this.events.push(`app trailers ${trailers.entries().join(',')}`);
  }
  pauseRequest(): void {
    this.events.push('pause request');
  }
  resumeRequest(): void {
    this.events.push('resume request');
  }
  responseHeaders(endOfStream: boolean): void {
    const local = this.localHead === undefined ? '' : ` ${this.localHead.entries().join(',')}`;
    this.events.push(`client headers${local}${end(endOfStream)}`);
  }
  responseData(chunk: Uint8Array, endOfStream: boolean): void {
    this.responseStarted = true;
    this.events.push(`client data ${text(chunk)}${end(endOfStream)}`);
  }
  responseTrailers(trailers: HeaderMap): void {
    this.events.push(`client trailers ${trailers.entries().join(',')}`);
  }
  pauseResponse(): void {
    this.events.push('pause response');
  }
  resumeResponse(): void {
    this.events.push('resume response');
  }
  beginLocalResponse(keepHeaders: boolean): HeaderMap {
    this.events.push(`local response${keepHeaders ? '' : ' direct'}`);
    this.localHead = new HeaderList();
    return this.localHead;
  }
  reset(): void {
    this.events.push('reset');
  }
  attribute(path: readonly string[]): PropertyValue | undefined {
    return this.attributes[path.join('.')];
  }

  /** The events so far; forgotten after it. */
  take(): string[] {
    return this.events.splice(0);
  }
}

const end = (endOfStream: boolean): string => (endOfStream ? ' end' : '');
const text = (chunk: Uint8Array): string => Buffer.from(chunk).toString('latin1');

/** Body bytes of a text. */
export const bytes = (content: string): Uint8Array => Buffer.from(content, 'latin1');

export interface TestStream {
  stream: HttpStream;
  ends: TestEnds;
  requestHeaders: HeaderList;
  responseHeaders: HeaderList;
}

/** A stream on `GET /path`, not yet joined. */
export function testStream(bufferedBodyBytes = 1024 * 1024): TestStream {
  const ends = new TestEnds();
  const requestHeaders = new HeaderList(
    ['Host', 'example.test', 'X-User', 'ann'],
    [':path', '/path?q=1', ':method', 'GET', ':scheme', 'http'],
  );
  const responseHeaders = new HeaderList([':status', '200', 'content-type', 'text/plain']);
  return {
    stream: new HttpStream(ends, requestHeaders, { bufferedBodyBytes }),
    ends,
    requestHeaders,
    responseHeaders,
  };
}

/** The public names of `@proxy-wasm-node/core`; everything else may change. */
export { createHost, createPlugin, createService } from './host.js';
export type { HealthReport, Host, PluginHealth, ServiceHealth } from './host.js';
export type {
  CodeCredentials,
  CodeSourceOptions,
  DockerAuth,
  DockerConfig,
  RetryBackoff,
} from './code/code-source-options.js';
export { inspectModule } from './inspect/inspect.js';
export type { InspectOptions } from './inspect/inspect.js';
export type {
  EntryPoint,
  ExportReport,
  ImportReport,
  MemoryReport,
  ModuleReport,
} from './vm/module-report.js';
export type {
  FilterUnderTest,
  SelfTest,
  TestMessage,
  TestRequest,
  TestResult,
} from './self-test/self-test.js';
export { ErrorCodes, ProxyWasmError } from './errors.js';
export type { ErrorCode, GuestFrame, RecentHostcall } from './errors.js';
export { envoyFailurePolicy } from './envoy-failure-policy.js';
export type { EnvoyFailureConfig } from './envoy-failure-policy.js';
export type { Plugin, PluginChange, PluginState } from './plugin.js';
export type {
  FailureDetails,
  PluginEvents,
  RecoveryDetails,
  ReloadDetails,
  ReloadReason,
} from './plugin-events.js';
export type { Service, ServiceEvents, ServiceFailureDetails } from './thread/service.js';
export type { ServiceOptions } from './thread/service-options.js';
export type {
  Clock,
  Configuration,
  FailurePolicy,
  ForeignFunction,
  ForeignFunctionContext,
  ForeignResult,
  HostFunction,
  HostFunctionContext,
  HostOptions,
  InFlightPolicy,
  JsonValue,
  Limits,
  ModuleCode,
  PluginOptions,
  Properties,
  Recycle,
  ReloadBackoff,
  Upstream,
  UpstreamFunction,
  UpstreamOptions,
  UpstreamTlsOptions,
  VmOptions,
} from './options.js';
export { createSharedState } from './create-shared-state.js';
export type { MetricsOptions, MetricsView } from './services/host-metrics.js';
export type { MetricSample, MetricTags } from './services/metric-samples.js';
export type { MetricStore, StoredHistogram, StoredMetric } from './services/metric-store.js';
export type { OpenTelemetryMeter } from './services/opentelemetry.js';
export type { MetricRegistry } from './services/prometheus.js';
export type { SharedStateLimits } from './services/memory-state.js';
export type {
  SharedDataEntry,
  SharedDataScope,
  SharedDataView,
} from './services/shared-data-view.js';
export type {
  EnqueueResult,
  QueueListener,
  SetResult,
  SharedState,
  SharedValue,
} from './services/shared-state.js';
export type { Logger, LogMethod } from './logger.js';
export type { PropertyValue } from './vm/context.js';
export type { TracedCall, Tracer, TraceValue } from './vm/trace/tracer.js';

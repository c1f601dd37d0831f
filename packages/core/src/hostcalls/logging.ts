import { LogLevel, Status } from '../abi/types.js';
import { expectTrap } from '../vm/deep-stacks.js';
import type { Vm } from '../vm/vm.js';

/**
 * Writes a message to the plugin's logger. A message below the logger's level is not even decoded.
 *
 * - `messagePtr`, `messageSize`: guest address and size of the text, UTF-8
 *
 * Allowed everywhere, also while the module starts and while its allocator runs.
 *
 * - BAD_ARGUMENT: unknown level
 * - INVALID_MEMORY_ACCESS: the message lies outside the memory
 *
 * Deviates: lines beyond `limits.logLinesPerSecond` are dropped and counted, and what is longer than
 * `limits.logLineBytes` is cut off; both are OK, as a line below the level is.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_log
 */
export function log(vm: Vm) {
  const { memory, limits } = vm;
  return (level: number, messagePtr: number, messageSize: number): Status => {
    if (level >>> 0 > LogLevel.CRITICAL) return Status.BAD_ARGUMENT;
    const ptr = messagePtr >>> 0;
    const size = messageSize >>> 0;
    if (!memory.contains(ptr, size)) return Status.INVALID_MEMORY_ACCESS;
    const context = vm.active;
    if (level === LogLevel.CRITICAL) expectTrap();
    if (level < context.logLevel()) return Status.OK;
    if (size <= limits.logLineBytes) {
      context.log(level as LogLevel, memory.readUtf8(ptr, size) ?? '');
      return Status.OK;
    }
    const beginning = memory.readUtf8(ptr, limits.logLineBytes) ?? '';
    context.log(level as LogLevel, `${beginning}… (${String(size)} bytes in all)`);
    return Status.OK;
  };
}

/**
 * Tells the lowest level that the plugin's logger takes (6 where it takes none), so that a guest
 * can spare itself what would be dropped.
 *
 * - `returnLevelPtr`: guest address of u32 that receives the level
 *
 * Allowed everywhere.
 *
 * Deviates: cpp-host ends a VM that asks while it starts or allocates; logging is allowed there.
 *
 * - INVALID_MEMORY_ACCESS: `returnLevelPtr` lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_log_level
 */
export function getLogLevel(vm: Vm) {
  const { memory } = vm;
  return (returnLevelPtr: number): Status =>
    memory.writeU32(returnLevelPtr >>> 0, vm.active.logLevel())
      ? Status.OK
      : Status.INVALID_MEMORY_ACCESS;
}

// A filter that traps: in each request's head by what C++ makes of a place that is never reached, and
// in each response's head by what the processor makes of a division by zero. Built with its lines, in
// DWARF 5, so that tests can ask where.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))
#define NOINLINE __attribute__((noinline))

namespace {

// What the compiler can't know.
volatile uint32_t zero = 0;

struct Quota {
  uint32_t requests;
  NOINLINE uint32_t share(uint32_t tenants) const { return requests / tenants; }
};

NOINLINE uint32_t check(uint32_t count) {
  if (count > zero) {
    __builtin_trap();
  }
  return count;
}

} // namespace

EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1() {}
EXPORT(proxy_on_context_create) void proxy_on_context_create(uint32_t, uint32_t) {}
EXPORT(proxy_on_request_headers)
uint32_t proxy_on_request_headers(uint32_t, uint32_t count, uint32_t) {
  return check(count) > 0 ? 0 : 1;
}
EXPORT(proxy_on_response_headers)
uint32_t proxy_on_response_headers(uint32_t, uint32_t count, uint32_t) {
  const Quota quota{count};
  return quota.share(zero);
}

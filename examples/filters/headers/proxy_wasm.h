// A small C++ face of the Proxy-Wasm ABI 0.2.1: plugin (root) and stream contexts, header maps,
// logging, counters and the plugin's configuration.
//
// A filter derives from proxy_wasm::RootContext and proxy_wasm::StreamContext and names in one
// source file what its module exports:
//
//   PROXY_WASM_PLUGIN(MyRoot)
//   PROXY_WASM_EXPORT_RESPONSE_HEADERS
//
// A host calls only what a module exports, so a callback that is not named costs nothing.
//
// The module must export `malloc` (-Wl,--export=malloc): a host puts its answers in memory that it
// gets there, and the guest frees them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define PROXY_WASM_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define PROXY_WASM_EXPORT(name) extern "C" __attribute__((export_name(#name)))

namespace proxy_wasm {

enum class Status : uint32_t { Ok = 0, NotFound = 1, BadArgument = 2 };
enum class LogLevel : uint32_t { Trace, Debug, Info, Warn, Error, Critical };
enum class MapType : uint32_t {
  RequestHeaders = 0,
  RequestTrailers = 1,
  ResponseHeaders = 2,
  ResponseTrailers = 3,
};
enum class BufferType : uint32_t { VmConfiguration = 6, PluginConfiguration = 7 };
enum class MetricType : uint32_t { Counter = 0, Gauge = 1, Histogram = 2 };
enum class HeadersStatus : uint32_t { Continue = 0, StopIteration = 1 };

// The functions of the host, as the ABI has them. `out` parameters receive a block from `malloc`,
// or nullptr and 0 for an empty answer; they stay untouched when the status is not Ok.
namespace abi {
extern "C" {
PROXY_WASM_IMPORT(proxy_log)
Status proxy_log(LogLevel level, const char *message, size_t size);

PROXY_WASM_IMPORT(proxy_get_buffer_bytes)
Status proxy_get_buffer_bytes(BufferType type, size_t start, size_t max_size, char **out,
                              size_t *out_size);

PROXY_WASM_IMPORT(proxy_get_header_map_pairs)
Status proxy_get_header_map_pairs(MapType type, char **out, size_t *out_size);

PROXY_WASM_IMPORT(proxy_get_header_map_value)
Status proxy_get_header_map_value(MapType type, const char *name, size_t name_size, char **out,
                                  size_t *out_size);

PROXY_WASM_IMPORT(proxy_add_header_map_value)
Status proxy_add_header_map_value(MapType type, const char *name, size_t name_size,
                                  const char *value, size_t value_size);

PROXY_WASM_IMPORT(proxy_replace_header_map_value)
Status proxy_replace_header_map_value(MapType type, const char *name, size_t name_size,
                                      const char *value, size_t value_size);

PROXY_WASM_IMPORT(proxy_remove_header_map_value)
Status proxy_remove_header_map_value(MapType type, const char *name, size_t name_size);

PROXY_WASM_IMPORT(proxy_define_metric)
Status proxy_define_metric(MetricType type, const char *name, size_t name_size, uint32_t *out_id);

PROXY_WASM_IMPORT(proxy_increment_metric)
Status proxy_increment_metric(uint32_t id, int64_t offset);
}
} // namespace abi

inline void log(LogLevel level, std::string_view message) {
  abi::proxy_log(level, message.data(), message.size());
}

// Bytes that the host has allocated in this module's memory; freed with this object.
class HostBytes {
public:
  HostBytes(char *data, size_t size) : data_(data, &std::free), size_(size) {}

  std::string_view view() const { return {data_.get(), size_}; }

private:
  std::unique_ptr<char, decltype(&std::free)> data_;
  size_t size_;
};

using HeaderPair = std::pair<std::string_view, std::string_view>;

// All pairs of a header map in their order, duplicates included. The views live as long as this
// object.
//
// Layout of the bytes, little endian: u32 count; count times {u32 name size, u32 value size};
// then name, NUL, value, NUL for each pair. An empty map is no bytes at all.
class HeaderPairs {
public:
  explicit HeaderPairs(HostBytes bytes) : bytes_(std::move(bytes)) {
    const std::string_view all = bytes_.view();
    const size_t count = all.empty() ? 0 : readU32(all, 0);
    size_t text = sizeof(uint32_t) * (1 + 2 * count);
    pairs_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      const std::string_view name = all.substr(text, readU32(all, 1 + 2 * i));
      const std::string_view value = all.substr(text + name.size() + 1, readU32(all, 2 + 2 * i));
      pairs_.emplace_back(name, value);
      text += name.size() + value.size() + 2;
    }
  }

  auto begin() const { return pairs_.begin(); }
  auto end() const { return pairs_.end(); }

private:
  static uint32_t readU32(std::string_view bytes, size_t index) {
    uint32_t value;
    std::memcpy(&value, bytes.data() + index * sizeof(value), sizeof(value));
    return value;
  }

  HostBytes bytes_;
  std::vector<HeaderPair> pairs_;
};

// A header map of the current stream. The host holds the headers; this is only their name.
class HeaderMap {
public:
  explicit constexpr HeaderMap(MapType type) : type_(type) {}

  HeaderPairs pairs() const {
    char *data = nullptr;
    size_t size = 0;
    abi::proxy_get_header_map_pairs(type_, &data, &size);
    return HeaderPairs(HostBytes(data, size));
  }

  // The values of a header, joined with commas, or nothing where there is no such header.
  std::optional<std::string> get(std::string_view name) const {
    char *data = nullptr;
    size_t size = 0;
    if (abi::proxy_get_header_map_value(type_, name.data(), name.size(), &data, &size) !=
        Status::Ok) {
      return std::nullopt;
    }
    return std::string(HostBytes(data, size).view());
  }

  // The three changes answer whether the host accepted them: it does not once the headers are sent.
  bool add(std::string_view name, std::string_view value) const {
    return abi::proxy_add_header_map_value(type_, name.data(), name.size(), value.data(),
                                           value.size()) == Status::Ok;
  }

  bool replace(std::string_view name, std::string_view value) const {
    return abi::proxy_replace_header_map_value(type_, name.data(), name.size(), value.data(),
                                               value.size()) == Status::Ok;
  }

  bool remove(std::string_view name) const {
    return abi::proxy_remove_header_map_value(type_, name.data(), name.size()) == Status::Ok;
  }

private:
  MapType type_;
};

// A metric that only grows. The host holds the number; all that define the same name share it.
class Counter {
public:
  // Nothing where the host refuses: the name is another type's, or there are too many metrics.
  static std::optional<Counter> define(std::string_view name) {
    uint32_t id = 0;
    if (abi::proxy_define_metric(MetricType::Counter, name.data(), name.size(), &id) !=
        Status::Ok) {
      return std::nullopt;
    }
    return Counter(id);
  }

  void increment(int64_t offset = 1) const { abi::proxy_increment_metric(id_, offset); }

private:
  explicit constexpr Counter(uint32_t id) : id_(id) {}

  uint32_t id_;
};

// One exchange. `end_of_stream` tells that no body follows.
class StreamContext {
public:
  virtual ~StreamContext() = default;

  virtual HeadersStatus onRequestHeaders(HeaderMap, bool /* end_of_stream */) {
    return HeadersStatus::Continue;
  }
  virtual HeadersStatus onResponseHeaders(HeaderMap, bool /* end_of_stream */) {
    return HeadersStatus::Continue;
  }
};

// One plugin with its configuration; it makes the contexts of its streams.
class RootContext {
public:
  virtual ~RootContext() = default;

  // False refuses the configuration; log why before.
  virtual bool onConfigure(std::string_view /* configuration */) { return true; }
  virtual std::unique_ptr<StreamContext> createStream() = 0;
};

// The contexts of this module by the host's ids. Roots and streams share one range of ids.
class Contexts {
public:
  static Contexts &instance() {
    static Contexts contexts;
    return contexts;
  }

  void addRoot(uint32_t id, std::unique_ptr<RootContext> root) { roots_[id] = std::move(root); }
  void addStream(uint32_t id, uint32_t root_id) {
    streams_[id] = roots_.find(root_id)->second->createStream();
  }

  RootContext &root(uint32_t id) { return *roots_.find(id)->second; }
  StreamContext &stream(uint32_t id) { return *streams_.find(id)->second; }

  void remove(uint32_t id) {
    streams_.erase(id);
    roots_.erase(id);
  }

private:
  std::map<uint32_t, std::unique_ptr<RootContext>> roots_;
  std::map<uint32_t, std::unique_ptr<StreamContext>> streams_;
};

inline bool configure(uint32_t root_id, size_t size) {
  char *data = nullptr;
  size_t data_size = 0;
  abi::proxy_get_buffer_bytes(BufferType::PluginConfiguration, 0, size, &data, &data_size);
  const HostBytes configuration(data, data_size);
  return Contexts::instance().root(root_id).onConfigure(configuration.view());
}

} // namespace proxy_wasm

// What every plugin exports; `Root` is its RootContext.
#define PROXY_WASM_PLUGIN(Root)                                                                    \
  PROXY_WASM_EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1() {}                     \
  PROXY_WASM_EXPORT(proxy_on_context_create)                                                       \
  void proxy_on_context_create(uint32_t id, uint32_t parent_id) {                                  \
    auto &contexts = proxy_wasm::Contexts::instance();                                             \
    parent_id == 0 ? contexts.addRoot(id, std::make_unique<Root>())                                \
                   : contexts.addStream(id, parent_id);                                            \
  }                                                                                                \
  PROXY_WASM_EXPORT(proxy_on_configure)                                                            \
  uint32_t proxy_on_configure(uint32_t root_id, size_t size) {                                     \
    return proxy_wasm::configure(root_id, size);                                                   \
  }                                                                                                \
  PROXY_WASM_EXPORT(proxy_on_delete) void proxy_on_delete(uint32_t id) {                           \
    proxy_wasm::Contexts::instance().remove(id);                                                   \
  }

// Exports the callback for request headers.
#define PROXY_WASM_EXPORT_REQUEST_HEADERS                                                          \
  PROXY_WASM_EXPORT(proxy_on_request_headers)                                                      \
  proxy_wasm::HeadersStatus proxy_on_request_headers(uint32_t id, uint32_t, uint32_t end) {        \
    return proxy_wasm::Contexts::instance().stream(id).onRequestHeaders(                           \
        proxy_wasm::HeaderMap(proxy_wasm::MapType::RequestHeaders), end != 0);                     \
  }

// Exports the callback for response headers.
#define PROXY_WASM_EXPORT_RESPONSE_HEADERS                                                         \
  PROXY_WASM_EXPORT(proxy_on_response_headers)                                                     \
  proxy_wasm::HeadersStatus proxy_on_response_headers(uint32_t id, uint32_t, uint32_t end) {       \
    return proxy_wasm::Contexts::instance().stream(id).onResponseHeaders(                          \
        proxy_wasm::HeaderMap(proxy_wasm::MapType::ResponseHeaders), end != 0);                    \
  }

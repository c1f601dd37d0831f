// The status-counter filter counts responses by the class of their status.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy_wasm.h"

namespace {

using proxy_wasm::Counter;
using proxy_wasm::HeaderMap;
using proxy_wasm::HeadersStatus;
using proxy_wasm::LogLevel;

constexpr std::array<std::string_view, 5> Classes = {"1xx", "2xx", "3xx", "4xx", "5xx"};

// In the order of the classes.
using Counters = std::vector<Counter>;

class Stream : public proxy_wasm::StreamContext {
public:
  explicit Stream(const Counters &counters) : counters_(counters) {}

  HeadersStatus onResponseHeaders(HeaderMap headers, bool /* end_of_stream */) override {
    const std::optional<std::string> status = headers.get(":status");
    if (status && status->size() == 3 && status->front() >= '1' && status->front() <= '5') {
      counters_[status->front() - '1'].increment();
    }
    return HeadersStatus::Continue;
  }

private:
  const Counters &counters_;
};

class Root : public proxy_wasm::RootContext {
public:
  bool onConfigure(std::string_view configuration) override {
    if (!configuration.empty()) {
      proxy_wasm::log(LogLevel::Error, "bad configuration: there is nothing to configure");
      return false;
    }
    for (const std::string_view name : Classes) {
      // The label is part of the name, in the form that Istio's proxies know.
      std::string full = "status_class=.=";
      full.append(name).append(";.;responses_total");
      const std::optional<Counter> counter = Counter::define(full);
      if (!counter) {
        proxy_wasm::log(LogLevel::Error, "the host does not take the metric " + full);
        return false;
      }
      counters_.push_back(*counter);
    }
    return true;
  }

  std::unique_ptr<proxy_wasm::StreamContext> createStream() override {
    return std::make_unique<Stream>(counters_);
  }

private:
  Counters counters_;
};

} // namespace

PROXY_WASM_PLUGIN(Root)
PROXY_WASM_EXPORT_RESPONSE_HEADERS

// The headers filter logs the response headers, then changes three of them.
#include <string>
#include <string_view>

#include "proxy_wasm.h"

namespace {

using proxy_wasm::HeaderMap;
using proxy_wasm::HeadersStatus;
using proxy_wasm::LogLevel;

class Stream : public proxy_wasm::StreamContext {
public:
  explicit Stream(const std::string &custom) : custom_(custom) {}

  HeadersStatus onResponseHeaders(HeaderMap headers, bool /* end_of_stream */) override {
    for (const auto &[name, value] : headers.pairs()) {
      std::string line = "response header: ";
      line.append(name).append(": ").append(value);
      proxy_wasm::log(LogLevel::Info, line);
    }
    headers.add("X-Wasm-custom", custom_);
    headers.replace("content-type", "text/plain; charset=utf-8");
    headers.remove("content-length");
    return HeadersStatus::Continue;
  }

private:
  const std::string &custom_;
};

class Root : public proxy_wasm::RootContext {
public:
  bool onConfigure(std::string_view configuration) override {
    using namespace std::string_view_literals;
    if (configuration.find_first_of("\0\r\n"sv) != std::string_view::npos) {
      proxy_wasm::log(LogLevel::Error, "bad configuration: the value of X-Wasm-custom must be one "
                                       "line of text");
      return false;
    }
    if (!configuration.empty()) {
      custom_ = configuration;
    }
    return true;
  }

  std::unique_ptr<proxy_wasm::StreamContext> createStream() override {
    return std::make_unique<Stream>(custom_);
  }

private:
  std::string custom_ = "FOO";
};

} // namespace

PROXY_WASM_PLUGIN(Root)
PROXY_WASM_EXPORT_RESPONSE_HEADERS

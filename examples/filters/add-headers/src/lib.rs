//! The smallest useful filter: four hostcalls for each exchange, no logs. Benchmarks measure with
//! it what a host adds.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

proxy_wasm::main! {{
    proxy_wasm::set_http_context(|_, _| Box::new(AddHeaders));
}}

struct AddHeaders;

impl Context for AddHeaders {}

impl HttpContext for AddHeaders {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // Bytes, because a header value need not be UTF-8 and the string form traps on such a one.
        let user = self.get_http_request_header_bytes("x-user");
        let user = user.as_deref().unwrap_or(b"anonymous");
        self.set_http_request_header_bytes("x-wasm-user", Some(user));
        self.set_http_request_header("x-wasm-filter", Some("add-headers"));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.add_http_response_header("x-wasm", "1");
        Action::Continue
    }
}

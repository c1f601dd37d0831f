//! The plugin and its streams: what a host calls.

use std::rc::Rc;

use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::config::Config;
use crate::queue::Queue;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin { queue: None }));
}}

struct Plugin {
    queue: Option<Rc<Queue>>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&text) {
            Ok(config) => {
                self.queue = Some(Rc::new(Queue::new(config)));
                true
            }
            Err(problem) => {
                error!("bad configuration: {problem}");
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let queue = self.queue.clone()?;
        Some(Box::new(Stream { queue }))
    }
}

struct Stream {
    queue: Rc<Queue>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    // Values are read as bytes: a path need not be UTF-8, and the string form traps on those.
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let method = self.get_http_request_header_bytes(":method").unwrap_or_default();
        let path = self.get_http_request_header_bytes(":path").unwrap_or_default();
        self.queue.put(&[&method, &b" "[..], without_query(&path)].concat());
        Action::Continue
    }
}

/// What follows the question mark may be secret.
fn without_query(path: &[u8]) -> &[u8] {
    path.split(|&byte| byte == b'?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::without_query;

    #[test]
    fn a_query_is_not_part_of_a_record() {
        assert_eq!(without_query(b"/a?b=c?d"), b"/a");
        assert_eq!(without_query(b"/a"), b"/a");
        assert_eq!(without_query(b""), b"");
    }
}

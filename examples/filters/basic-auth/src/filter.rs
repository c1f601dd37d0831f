//! The plugin and its streams: what a host calls.

use std::rc::Rc;

use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::config::Config;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin { config: None }));
}}

struct Plugin {
    config: Option<Rc<Config>>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&text) {
            Ok(config) => {
                self.config = Some(Rc::new(config));
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
        let config = self.config.clone()?;
        Some(Box::new(Stream { config }))
    }
}

struct Stream {
    config: Rc<Config>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    // Header values are read as bytes: they need not be UTF-8, and the string form traps on those.
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // Only this filter says who the user is, on whatever path.
        self.remove_http_request_header("x-user");
        if !self.is_protected() {
            return Action::Continue;
        }
        match self.user() {
            Some(user) => {
                self.remove_http_request_header("authorization");
                self.set_http_request_header("x-user", Some(user));
                Action::Continue
            }
            None => self.refuse(),
        }
    }
}

impl Stream {
    /// A stream without a path is protected: nobody can tell what it asks for.
    fn is_protected(&self) -> bool {
        self.get_http_request_header_bytes(":path")
            .is_none_or(|path| self.config.prefix.covers(&path))
    }

    fn user(&self) -> Option<&str> {
        let authorization = self.get_http_request_header_bytes("authorization")?;
        self.config.users.authenticate(&authorization)
    }

    fn refuse(&self) -> Action {
        let headers = vec![
            ("www-authenticate", self.config.challenge.as_str()),
            ("content-type", "text/plain; charset=utf-8"),
        ];
        self.send_http_response(401, headers, Some(b"401 Unauthorized\n"));
        Action::Pause
    }
}

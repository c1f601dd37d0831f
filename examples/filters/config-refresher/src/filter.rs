//! The plugin and its streams: what a host calls.

use std::rc::Rc;

use log::{error, info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::answer::rules_of;
use crate::config::Config;
use crate::rules::Rules;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin::default()));
}}

#[derive(Default)]
struct Plugin {
    config: Option<Config>,
    /// Streams keep the rules that held when they began.
    rules: Rc<Rules>,
    /// The call that is in flight.
    call: Option<u32>,
}

impl RootContext for Plugin {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&text) {
            Ok(config) => {
                self.rules = Rc::new(config.initial.clone());
                self.set_tick_period(config.interval);
                self.config = Some(config);
                // The first rules are not to wait for the first tick.
                self.fetch();
                true
            }
            Err(problem) => {
                error!("bad configuration: {problem}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.fetch();
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { rules: self.rules.clone() }))
    }
}

impl Context for Plugin {
    fn on_http_call_response(&mut self, call: u32, _: usize, body_size: usize, _: usize) {
        if self.call != Some(call) {
            return;
        }
        self.call = None;
        // All headers, since the one alone can't be asked for where there was no answer.
        let headers = self.get_http_call_response_headers_bytes();
        let status = headers.iter().find(|(name, _)| name == ":status");
        let body = self.get_http_call_response_body(0, body_size).unwrap_or_default();
        match rules_of(status.map(|(_, value)| value.as_slice()), &body) {
            Ok(rules) => self.apply(rules),
            Err(problem) => warn!("the rules stay as they are: {problem}"),
        }
    }
}

impl Plugin {
    /// Asks for the rules, unless an answer is still awaited.
    fn fetch(&mut self) {
        let Some(config) = &self.config else { return };
        if self.call.is_some() {
            return;
        }
        let headers = vec![
            (":method", "GET"),
            (":path", config.path.as_str()),
            (":authority", config.authority.as_str()),
            ("accept", "application/json"),
        ];
        match self.dispatch_http_call(&config.upstream, headers, None, vec![], config.timeout) {
            Ok(call) => self.call = Some(call),
            Err(status) => {
                let upstream = &config.upstream;
                warn!("the rules stay as they are: {upstream:?} can't be called: {status:?}");
            }
        }
    }

    fn apply(&mut self, rules: Rules) {
        if *self.rules != rules {
            info!("new rules: {rules:?}");
            self.rules = Rc::new(rules);
        }
    }
}

struct Stream {
    rules: Rc<Rules>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if let Some(message) = &self.rules.maintenance {
            let headers = vec![("content-type", "text/plain; charset=utf-8")];
            self.send_http_response(503, headers, Some(message.as_bytes()));
            return Action::Pause;
        }
        for (name, value) in &self.rules.request_headers {
            self.set_http_request_header(name, Some(value));
        }
        Action::Continue
    }
}

//! The plugin and its streams: what a host calls.

use std::rc::Rc;

use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::answer::{Verdict, TOLD_PREFIX};
use crate::config::Config;
use crate::question::Question;

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

impl HttpContext for Stream {
    // Header values are read as bytes: they need not be UTF-8, and the string form traps on those.
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let request = self.get_http_request_headers_bytes();
        // Only the service says who the user is.
        for (name, _) in request.iter().filter(|(name, _)| name.starts_with(TOLD_PREFIX)) {
            self.remove_http_request_header(name);
        }
        match Question::about(&request, &self.config) {
            Some(question) => self.ask(&question),
            None => self.refuse(400, "400 Bad Request\n"),
        }
        // Until the answer is there, or the client has its own.
        Action::Pause
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _: u32, _: usize, body_size: usize, _: usize) {
        match Verdict::of(self.get_http_call_response_headers_bytes()) {
            Verdict::Allowed(told) => {
                for (name, value) in told {
                    self.add_http_request_header_bytes(&name, &value);
                }
                self.resume_http_request();
            }
            Verdict::Refused(status, headers) => {
                let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let body = self.get_http_call_response_body(0, body_size);
                self.send_http_response(status, headers.collect(), body.as_deref());
            }
            Verdict::Unknown => self.fail("it was reset"),
        }
    }
}

impl Stream {
    fn ask(&self, question: &Question) {
        let Config { upstream, timeout, .. } = &*self.config;
        let asked = self.dispatch_http_call(upstream, question.headers(), None, vec![], *timeout);
        if let Err(status) = asked {
            self.fail(&format!("it could not be started ({status:?})"));
        }
    }

    /// Closed: a service that can not be asked has not allowed anything.
    fn fail(&self, why: &str) {
        error!("the call to {:?} failed: {why}", self.config.upstream);
        self.refuse(503, "503 Service Unavailable\n");
    }

    fn refuse(&self, status: u32, text: &str) {
        let headers = vec![("content-type", "text/plain; charset=utf-8")];
        self.send_http_response(status, headers, Some(text.as_bytes()));
    }
}

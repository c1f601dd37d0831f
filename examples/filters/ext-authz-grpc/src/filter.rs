//! The plugin and its streams: what a host calls.

use std::rc::Rc;

use log::error;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::check_request::check_request;
use crate::check_response::{Header, Verdict};
use crate::config::Config;

const SERVICE: &str = "envoy.service.auth.v3.Authorization";

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
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match check_request(&self.get_http_request_headers_bytes()) {
            Some(message) => self.ask(&message),
            None => self.refuse(400, vec![], Some(b"400 Bad Request\n")),
        }
        // Until the answer is there, or the client has its own.
        Action::Pause
    }
}

impl Context for Stream {
    fn on_grpc_call_response(&mut self, _: u32, status: u32, size: usize) {
        if status != 0 {
            let (_, message) = self.get_grpc_status();
            return self.fail(&format!("status {status}: {}", message.unwrap_or_default()));
        }
        let message = self.get_grpc_call_response_body(0, size).unwrap_or_default();
        match Verdict::parse(&message) {
            Some(Verdict::Allowed { set, remove }) => self.let_pass(&set, &remove),
            Some(Verdict::Refused { status, headers, body }) => {
                let headers = headers.iter().filter_map(|header| {
                    Some((header.name.as_str(), std::str::from_utf8(&header.value).ok()?))
                });
                self.refuse(status, headers.collect(), Some(&body));
            }
            None => self.fail("its answer is no CheckResponse"),
        }
    }
}

impl Stream {
    fn ask(&self, message: &[u8]) {
        let Config { upstream, timeout } = &*self.config;
        let asked =
            self.dispatch_grpc_call(upstream, SERVICE, "Check", vec![], Some(message), *timeout);
        if let Err(status) = asked {
            self.fail(&format!("it could not be started ({status:?})"));
        }
    }

    fn let_pass(&self, set: &[Header], remove: &[String]) {
        for name in remove.iter().filter(|name| !name.starts_with(':')) {
            self.remove_http_request_header(name);
        }
        for Header { name, value, append } in set {
            if *append {
                self.add_http_request_header_bytes(name, value);
            } else {
                self.remove_http_request_header(name);
                self.add_http_request_header_bytes(name, value);
            }
        }
        self.resume_http_request();
    }

    /// Closed: a service that can not be asked has not allowed anything.
    fn fail(&self, why: &str) {
        error!("the call to {:?} failed: {why}", self.config.upstream);
        self.refuse(503, vec![], Some(b"503 Service Unavailable\n"));
    }

    fn refuse(&self, status: u32, headers: Vec<(&str, &str)>, body: Option<&[u8]>) {
        self.send_http_response(status, headers, body);
    }
}

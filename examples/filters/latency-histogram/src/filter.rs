//! The plugin and its streams: what a host calls.

use std::rc::Rc;
use std::time::SystemTime;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::histograms::Histograms;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin { histograms: None }));
}}

struct Plugin {
    histograms: Option<Rc<Histograms>>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _: usize) -> bool {
        self.histograms = Some(Rc::new(Histograms::define()));
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let histograms = self.histograms.clone()?;
        Some(Box::new(Stream { histograms, start: None }))
    }
}

struct Stream {
    histograms: Rc<Histograms>,
    start: Option<SystemTime>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.start = Some(self.get_current_time());
        Action::Continue
    }

    /// The exchange is over, however it ended.
    fn on_log(&mut self) {
        // Without request headers there was nothing to answer.
        let Some(start) = self.start else { return };
        // A clock that was set back has measured nothing.
        let duration = self.get_current_time().duration_since(start).unwrap_or_default();
        self.histograms.record(self.status(), duration);
    }
}

impl Stream {
    fn status(&self) -> Option<u16> {
        let code = self.get_property(vec!["response", "code"])?;
        i64::from_le_bytes(code.try_into().ok()?).try_into().ok()
    }
}

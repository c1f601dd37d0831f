//! The plugin: what a host calls. It has no streams.

use log::{error, warn};
use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::LogLevel;

use crate::config::Config;
use crate::totals::Totals;

/// So many in one callback, as producers may go on meanwhile; each message has a callback.
const MOST_AT_ONCE: usize = 1024;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Plugin { totals: None }));
}}

struct Plugin {
    totals: Option<Totals>,
}

impl Context for Plugin {}

impl RootContext for Plugin {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        match Config::parse(&text) {
            Ok(config) => {
                self.totals = Some(Totals::define());
                self.register_shared_queue(&config.queue);
                true
            }
            Err(problem) => {
                error!("bad configuration: {problem}");
                false
            }
        }
    }

    // Takes what is there, so the callbacks of messages that were taken before find nothing.
    fn on_queue_ready(&mut self, queue_id: u32) {
        let Some(totals) = &self.totals else { return };
        for _ in 0..MOST_AT_ONCE {
            match self.dequeue_shared_queue(queue_id) {
                Ok(Some(record)) => totals.count(&record),
                Ok(None) => return,
                Err(status) => {
                    warn!("cannot take from queue {queue_id}: {status:?}");
                    return;
                }
            }
        }
    }
}

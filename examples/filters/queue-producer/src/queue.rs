//! The queue that another plugin has registered.

use std::cell::Cell;

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::config::Config;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;

// The SDK's own wrapper panics where a queue is full, and requests must not fail for a count.
#[link(wasm_import_module = "env")]
extern "C" {
    fn proxy_enqueue_shared_queue(queue_id: u32, data: *const u8, size: usize) -> u32;
}

pub struct Queue {
    config: Config,
    /// None until somebody has registered the queue, and after its owner has gone.
    id: Cell<Option<u32>>,
    /// Whether the last record was lost: the log tells only of changes.
    is_losing: Cell<bool>,
    dropped: u32,
}

impl Queue {
    pub fn new(config: Config) -> Queue {
        let dropped = hostcalls::define_metric(MetricType::Counter, "queue_records_dropped");
        Queue {
            config,
            id: Cell::new(None),
            is_losing: Cell::new(false),
            dropped: dropped.unwrap(),
        }
    }

    /// Appends a record, or drops it where there is no queue or no room; the log and a counter say so.
    pub fn put(&self, record: &[u8]) {
        match self.enqueue(record) {
            Ok(()) => {
                if self.is_losing.replace(false) {
                    info!("queue {:?} takes records again", self.config.queue);
                }
            }
            Err(problem) => {
                hostcalls::increment_metric(self.dropped, 1).unwrap();
                if !self.is_losing.replace(true) {
                    warn!("records are dropped: queue {:?} {problem}", self.config.queue);
                }
            }
        }
    }

    fn enqueue(&self, record: &[u8]) -> Result<(), &'static str> {
        // Twice, as the queue may have been made anew, with another id, since it was found.
        for _ in 0..2 {
            let id = self.find().ok_or("is not registered")?;
            match unsafe { proxy_enqueue_shared_queue(id, record.as_ptr(), record.len()) } {
                OK => return Ok(()),
                NOT_FOUND => self.id.set(None),
                _ => return Err("is full, or its store has failed"),
            }
        }
        Err("is not registered")
    }

    fn find(&self) -> Option<u32> {
        if self.id.get().is_none() {
            let Config { vm_id, queue } = &self.config;
            self.id.set(hostcalls::resolve_shared_queue(vm_id, queue).unwrap());
        }
        self.id.get()
    }
}

//! A filter that misbehaves when a request asks for it, by the header `x-misbehave`: what an SDK's
//! filter can do wrong, done by one that is built like any other. Requests that ask for nothing pass,
//! with the header `x-behaved` on their response.

use std::hint::black_box;

use proxy_wasm::hostcalls::log;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

/// More than any limit lets through.
const FLOOD: usize = 100_000;

proxy_wasm::main! {{
    proxy_wasm::set_http_context(|_, _| Box::new(Misbehave::default()));
}}

/// What the request asks for, and where: `trap`, or `response-body:loop`.
#[derive(Default)]
struct Misbehave {
    wish: String,
}

impl Context for Misbehave {
    fn on_done(&mut self) -> bool {
        self.obey("done");
        true
    }
}

impl HttpContext for Misbehave {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.wish = self.get_http_request_header("x-misbehave").unwrap_or_default();
        if !self.wish.is_empty() && !self.wish.contains(':') {
            self.wish.insert_str(0, "request-headers:");
        }
        self.obey("request-headers");
        Action::Continue
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.obey("request-body");
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.obey("response-headers");
        self.add_http_response_header("x-behaved", "1");
        Action::Continue
    }

    fn on_http_response_body(&mut self, _: usize, _: bool) -> Action {
        self.obey("response-body");
        Action::Continue
    }

    fn on_log(&mut self) {
        self.obey("log");
    }
}

impl Misbehave {
    fn obey(&self, place: &str) {
        let Some((wanted, what)) = self.wish.split_once(':') else {
            return;
        };
        if wanted != place {
            return;
        }
        match what {
            "loop" => endless_loop(),
            "panic" => panic!("as it was asked to"),
            "recursion" => drop(recurse(1)),
            "memory" => eat_memory(),
            "header-flood" => self.flood_headers(),
            "log-flood" => flood_log(),
            "body-flood" => self.flood_body(),
            _ => {}
        }
    }

    /// The SDK panics at the first that is refused.
    fn flood_headers(&self) {
        let value = "x".repeat(1000);
        for number in 0..FLOOD {
            self.add_http_response_header(&format!("x-flood-{number}"), &value);
        }
    }

    fn flood_body(&self) {
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..FLOOD {
            self.set_http_response_body(usize::MAX >> 1, 0, &piece);
        }
    }
}

fn endless_loop() {
    loop {
        black_box(());
    }
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1))) + 1
}

/// Until the allocator aborts.
fn eat_memory() {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    loop {
        pieces.push(black_box(vec![1; 1 << 20]));
    }
}

fn flood_log() {
    for number in 0..FLOOD {
        let _ = log(LogLevel::Info, &format!("flood {number}"));
    }
}

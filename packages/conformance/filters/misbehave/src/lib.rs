//! A filter that misbehaves when a request asks for it, by the header `x-misbehave`: what an SDK's
//! filter can do wrong, done by one that is built like any other. Requests that ask for nothing pass,
//! with the header `x-behaved` on their response. What it does wrong without a request, its
//! configuration says.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use proxy_wasm::hostcalls::log;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

// The SDK's own calls of these allocate first.
extern "C" {
    fn proxy_done() -> u32;
    fn proxy_get_header_map_pairs(map: u32, pairs: *mut *mut u8, size: *mut usize) -> u32;
}

/// More than any limit lets through.
const FLOOD: usize = 100_000;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// What the allocator does beside its work.
static ALLOCATOR: AtomicU8 = AtomicU8::new(HONEST);
const HONEST: u8 = 0;
const LOOPING: u8 = 1;
const ASKING: u8 = 2;

struct Allocator;

#[global_allocator]
static GLOBAL: Allocator = Allocator;

unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match ALLOCATOR.load(Ordering::Relaxed) {
            LOOPING => endless_loop(),
            ASKING => {
                proxy_done();
            }
            _ => {}
        }
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout);
    }
}

/// Obeys its configuration, as streams obey their request.
#[derive(Default)]
struct Root {
    wish: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_vm_start(&mut self, _: usize) -> bool {
        let wish = self.get_vm_configuration().unwrap_or_default();
        obey(&String::from_utf8_lossy(&wish), "vm-start");
        true
    }

    fn on_configure(&mut self, _: usize) -> bool {
        let wish = self.get_plugin_configuration().unwrap_or_default();
        self.wish = String::from_utf8_lossy(&wish).into_owned();
        obey(&self.wish, "configure");
        if self.wish.starts_with("tick:") {
            self.set_tick_period(Duration::from_millis(1));
        }
        true
    }

    fn on_tick(&mut self) {
        obey(&self.wish, "tick");
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::<Misbehave>::default())
    }
}

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
        match wish_for(&self.wish, place) {
            Some("header-flood") => self.flood_headers(),
            Some("body-flood") => self.flood_body(),
            Some("allocator-loop") => self.ask_with(LOOPING),
            Some("allocator-asks") => self.ask_with(ASKING),
            _ => obey(&self.wish, place),
        }
    }

    /// The host has the allocator make room for its answer; nothing here needs any.
    fn ask_with(&self, allocator: u8) {
        ALLOCATOR.store(allocator, Ordering::Relaxed);
        let (mut pairs, mut size) = (std::ptr::null_mut(), 0);
        unsafe { proxy_get_header_map_pairs(0, &mut pairs, &mut size) };
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

/// What is wished for in that place.
fn wish_for<'a>(wish: &'a str, place: &str) -> Option<&'a str> {
    let (wanted, what) = wish.split_once(':')?;
    (wanted == place).then_some(what)
}

fn obey(wish: &str, place: &str) {
    match wish_for(wish, place) {
        Some("loop") => endless_loop(),
        Some("panic") => panic!("as it was asked to"),
        Some("recursion") => drop(recurse(1)),
        Some("memory") => eat_memory(),
        Some("log-flood") => flood_log(),
        _ => {}
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

//! A filter that asks the app who a request's token is of, by a foreign function that answers later:
//! the one way in which `proxy_on_foreign_function` is called. The plugin asks too, when its timer
//! ticks: the host has to tell the contexts apart.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, Bytes, ContextType, LogLevel, Status};

const UNAUTHORIZED: u32 = 401;
const UNAVAILABLE: u32 = 503;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { call: 0 }));
}}

/// Calls the app's function `user`; the answer is the call's id.
fn ask(context: &dyn Context, token: &[u8]) -> Result<u32, Status> {
    let id = context.call_foreign_function("user", Some(token))?;
    let id = id.and_then(|bytes| bytes.try_into().ok());
    id.map(u32::from_le_bytes).ok_or(Status::BadArgument)
}

/// What the function answered, or the error that it was rejected with.
fn answer(size: usize) -> Result<Option<Bytes>, String> {
    match hostcalls::get_grpc_status() {
        Ok((0, _)) => Ok(hostcalls::get_buffer(BufferType::CallData, 0, size).unwrap()),
        Ok((code, message)) => Err(format!("{} {}", code, message.unwrap_or_default())),
        Err(status) => Err(format!("{status:?}")),
    }
}

fn log(level: LogLevel, message: &str) {
    hostcalls::log(level, message).unwrap();
}

struct Root {
    call: u32,
}

impl Context for Root {
    fn on_foreign_function(&mut self, call: u32, size: usize) {
        assert_eq!(call, self.call);
        let user = answer(size).unwrap().unwrap_or_default();
        log(LogLevel::Info, &format!("the plugin is {}", String::from_utf8_lossy(&user)));
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.set_tick_period(Duration::from_millis(1));
        true
    }

    fn on_tick(&mut self) {
        self.set_tick_period(Duration::ZERO);
        self.call = ask(self, b"plugin").unwrap();
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { call: 0 }))
    }
}

struct Stream {
    call: u32,
}

impl Context for Stream {
    fn on_foreign_function(&mut self, call: u32, size: usize) {
        assert_eq!(call, self.call);
        match answer(size) {
            Ok(Some(user)) => {
                self.set_http_request_header_bytes("x-user", Some(&user));
                self.resume_http_request();
            }
            Ok(None) => self.send_http_response(UNAUTHORIZED, vec![], Some(b"nobody\n")),
            Err(problem) => {
                log(LogLevel::Warn, &format!("no answer: {problem}"));
                self.send_http_response(UNAVAILABLE, vec![], None);
            }
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let Some(token) = self.get_http_request_header_bytes("authorization") else {
            return Action::Continue;
        };
        self.set_http_request_header("authorization", None);
        self.call = ask(self, &token).unwrap();
        Action::Pause
    }
}

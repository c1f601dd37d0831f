//! `envoy.service.auth.v3.CheckResponse`: what the service answers.

use crate::protobuf::{fields, Value};

#[derive(Debug, Default, PartialEq)]
pub struct Header {
    pub name: String,
    pub value: Vec<u8>,
    /// Beside those of that name, instead of in their place.
    pub append: bool,
}

#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// The request goes on, with these headers and without those.
    Allowed { set: Vec<Header>, remove: Vec<String> },
    /// The client gets this.
    Refused { status: u32, headers: Vec<Header>, body: Vec<u8> },
}

const FORBIDDEN: u32 = 403;

impl Verdict {
    /// None where the message can not be read: then nobody may pass.
    pub fn parse(message: &[u8]) -> Option<Verdict> {
        let mut code = 0;
        let mut denied: &[u8] = &[];
        let mut ok: &[u8] = &[];
        for field in fields(message)? {
            match field {
                (1, Value::Bytes(status)) => code = number(status, 1)?,
                (2, Value::Bytes(response)) => denied = response,
                (3, Value::Bytes(response)) => ok = response,
                _ => (),
            }
        }
        if code == 0 {
            allowed(ok)
        } else {
            refused(denied)
        }
    }
}

fn allowed(response: &[u8]) -> Option<Verdict> {
    let mut set = Vec::new();
    let mut remove = Vec::new();
    for field in fields(response)? {
        match field {
            (2, Value::Bytes(option)) => set.push(header(option)?),
            (5, Value::Bytes(name)) => remove.push(text(name)?),
            _ => (),
        }
    }
    Some(Verdict::Allowed { set, remove })
}

fn refused(response: &[u8]) -> Option<Verdict> {
    let mut status = 0;
    let mut headers = Vec::new();
    let mut body = Vec::new();
    for field in fields(response)? {
        match field {
            (1, Value::Bytes(http_status)) => status = number(http_status, 1)?,
            (2, Value::Bytes(option)) => headers.push(header(option)?),
            (3, Value::Bytes(bytes)) => body = bytes.to_vec(),
            _ => (),
        }
    }
    let status = u32::try_from(status).ok()?;
    let status = if (200..=599).contains(&status) { status } else { FORBIDDEN };
    Some(Verdict::Refused { status, headers, body })
}

/// A HeaderValueOption.
fn header(option: &[u8]) -> Option<Header> {
    let mut header = Header::default();
    for field in fields(option)? {
        match field {
            (1, Value::Bytes(pair)) => {
                for part in fields(pair)? {
                    match part {
                        (1, Value::Bytes(name)) => header.name = text(name)?.to_ascii_lowercase(),
                        (2 | 3, Value::Bytes(value)) => header.value = value.to_vec(),
                        _ => (),
                    }
                }
            }
            (2, Value::Bytes(append)) => header.append = number(append, 1)? != 0,
            _ => (),
        }
    }
    is_header(&header).then_some(header)
}

/// What HTTP allows, less the pseudo headers. The SDK panics where the host refuses a header.
fn is_header(Header { name, value, .. }: &Header) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    !name.is_empty() && name.bytes().all(is_token) && value.iter().copied().all(is_text)
}

/// A number field of a message; 0 if it is not there.
fn number(message: &[u8], wanted: u32) -> Option<u64> {
    let mut number = 0;
    for field in fields(message)? {
        if let (field, Value::Number(value)) = field {
            if field == wanted {
                number = value;
            }
        }
    }
    Some(number)
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::put;

    fn message(parts: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (field, content) in parts {
            put(&mut bytes, *field, content);
        }
        bytes
    }

    fn header_option(name: &[u8], value: &[u8], append: bool) -> Vec<u8> {
        let pair = message(&[(1, name), (2, value)]);
        message(&[(1, &pair), (2, if append { &[8, 1] } else { &[] })])
    }

    #[test]
    fn nothing_is_ok() {
        let expected = Verdict::Allowed { set: vec![], remove: vec![] };
        assert_eq!(Verdict::parse(&[]), Some(expected));
    }

    #[test]
    fn ok_has_headers() {
        let ok = message(&[
            (2, &header_option(b"X-Auth-User", b"ann", false)),
            (2, &header_option(b"x-a", b"1", true)),
            (5, b"cookie"),
        ]);
        let header = |name: &str, value: &str, append| Header {
            name: name.to_string(),
            value: value.as_bytes().to_vec(),
            append,
        };
        let expected = Verdict::Allowed {
            set: vec![header("x-auth-user", "ann", false), header("x-a", "1", true)],
            remove: vec!["cookie".to_string()],
        };
        assert_eq!(Verdict::parse(&message(&[(3, &ok)])), Some(expected));
    }

    #[test]
    fn denied_has_status_and_body() {
        let denied = message(&[(1, &[8, 0x91, 3]), (3, b"no")]);
        let response = message(&[(1, &[8, 16]), (2, &denied)]);
        let expected = Verdict::Refused { status: 401, headers: vec![], body: b"no".to_vec() };
        assert_eq!(Verdict::parse(&response), Some(expected));
    }

    #[test]
    fn denied_is_forbidden_if_nothing_else_is_said() {
        let expected = Verdict::Refused { status: 403, headers: vec![], body: vec![] };
        assert_eq!(Verdict::parse(&message(&[(1, &[8, 7])])), Some(expected));
    }

    #[test]
    fn what_can_not_be_read_is_none() {
        assert_eq!(Verdict::parse(&[10]), None);
        assert_eq!(Verdict::parse(&message(&[(3, &[10])])), None);
        assert_eq!(Verdict::parse(&message(&[(1, &[8])])), None);
        for (name, value) in [("", "1"), (":path", "/"), ("a b", "1"), ("x", "1\r\ny: 2")] {
            let option = header_option(name.as_bytes(), value.as_bytes(), false);
            let ok = message(&[(2, &option)]);
            assert_eq!(Verdict::parse(&message(&[(3, &ok)])), None, "{name}: {value}");
        }
    }
}

//! `envoy.service.auth.v3.CheckRequest`: what the service is asked.

use std::collections::BTreeMap;

use crate::protobuf::put;

/// The message about a request with these headers; values of repeated ones are joined by commas, as
/// Envoy does. None without method or path. Bytes that are not UTF-8 become U+FFFD: protobuf has no
/// others in text.
pub fn check_request(headers: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value);
        joined
            .entry(name)
            .and_modify(|text| {
                text.push(',');
                text.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    let mut http = Vec::new();
    put(&mut http, 2, joined.get(":method")?.as_bytes());
    for (name, value) in &joined {
        let mut entry = Vec::new();
        put(&mut entry, 1, name.as_bytes());
        put(&mut entry, 2, value.as_bytes());
        put(&mut http, 3, &entry);
    }
    put(&mut http, 4, joined.get(":path")?.as_bytes());
    put(&mut http, 5, joined.get(":authority").map_or(&[], |host| host.as_bytes()));
    // CheckRequest.attributes.request.http
    Some([4, 1].into_iter().fold(nested(2, &http), |message, field| nested(field, &message)))
}

fn nested(field: u32, content: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    put(&mut message, field, content);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::{fields, Value};

    fn inner(bytes: &[u8]) -> Vec<u8> {
        match fields(bytes).unwrap().remove(0).1 {
            Value::Bytes(bytes) => bytes.to_vec(),
            Value::Number(_) => panic!("no message"),
        }
    }

    #[test]
    fn holds_the_head_and_all_headers() {
        let headers: Vec<(String, Vec<u8>)> = [
            (":method", "GET"),
            (":path", "/a?b"),
            (":authority", "a.test"),
            ("x", "1"),
            ("x", "2"),
        ]
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .to_vec();
        let http = inner(&inner(&inner(&check_request(&headers).unwrap())));
        let fields = fields(&http).unwrap();
        assert_eq!(fields[0], (2, Value::Bytes(b"GET")));
        assert!(fields.contains(&(3, Value::Bytes(b"\x0a\x01x\x12\x031,2"))));
        assert!(fields.contains(&(4, Value::Bytes(b"/a?b"))));
        assert!(fields.contains(&(5, Value::Bytes(b"a.test"))));
    }

    #[test]
    fn is_none_without_a_path() {
        assert_eq!(check_request(&[(":method".to_string(), b"GET".to_vec())]), None);
    }
}

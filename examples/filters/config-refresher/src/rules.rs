//! What is done with requests.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What the app or its host make of a message, and no rule may.
const NEVER_SET: [&str; 7] =
    ["connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade"];

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Rules {
    /// If there is one, nobody passes, and this is what clients are told.
    pub maintenance: Option<String>,
    /// Headers that each request gets, in place of the client's.
    pub request_headers: BTreeMap<String, String>,
}

impl Rules {
    /// Reads `{"maintenance": "back at noon", "requestHeaders": {"x-release": "blue"}}`.
    pub fn parse(text: &[u8]) -> Result<Rules, String> {
        let rules: Rules = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        rules.check()?;
        Ok(rules)
    }

    pub fn check(&self) -> Result<(), String> {
        for (name, value) in &self.request_headers {
            if !is_name(name) || NEVER_SET.contains(&name.as_str()) {
                return Err(format!(
                    "requestHeaders: {name:?} is not the lower-case name of a header that may be set"
                ));
            }
            if !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
                return Err(format!("requestHeaders: the value of {name:?} is not plain text"));
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let is_valid =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Rules::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn all_may_be_left_out() {
        assert_eq!(Rules::parse(b"{}").unwrap(), Rules::default());
        let rules = Rules::parse(br#"{"maintenance":"back at noon"}"#).unwrap();
        assert_eq!(rules.maintenance.as_deref(), Some("back at noon"));
        assert_eq!(Rules::parse(br#"{"maintenance":null}"#).unwrap(), Rules::default());
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("EOF"));
        assert!(problem("[]x").contains("line 1"));
        assert!(problem(r#"{"maintenance":true}"#).contains("expected a string"));
        assert!(problem(r#"{"headers":{}}"#).contains("unknown field `headers`"));
        for name in ["", "X-A", ":path", "a b", "host", "content-length"] {
            let text = format!(r#"{{"requestHeaders":{{"{name}":"x"}}}}"#);
            assert!(problem(&text).contains(&format!("{name:?} is not")), "{name}");
        }
        let split = r#"{"requestHeaders":{"a":"b\r\nc: d"}}"#;
        assert!(problem(split).contains("the value of \"a\""));
    }
}

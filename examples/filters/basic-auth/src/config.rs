//! The plugin's configuration.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::credentials::Users;
use crate::protected_path::Prefix;

#[derive(Debug)]
pub struct Config {
    pub prefix: Prefix,
    /// The value of `www-authenticate`.
    pub challenge: String,
    pub users: Users,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    prefix: String,
    #[serde(default = "default_realm")]
    realm: String,
    // Not BTreeMap<String, String>: serde's message for a wrong type quotes the value, a password.
    users: BTreeMap<String, Value>,
}

fn default_realm() -> String {
    "restricted".to_string()
}

impl Config {
    /// Reads `{"prefix": "/admin", "realm": "…", "users": {"name": "password"}}`.
    pub fn parse(text: &[u8]) -> Result<Config, String> {
        if text.is_empty() {
            return Err(r#"there is none; give {"prefix": …, "users": {name: password}}"#.into());
        }
        let fields: Fields = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        Ok(Config {
            prefix: Prefix::new(&fields.prefix)?,
            challenge: challenge(&fields.realm)?,
            users: users(&fields.users)?,
        })
    }
}

fn challenge(realm: &str) -> Result<String, String> {
    if realm.chars().any(char::is_control) {
        return Err("realm has a control character".into());
    }
    let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
    Ok(format!(r#"Basic realm="{quoted}", charset="UTF-8""#))
}

fn users(fields: &BTreeMap<String, Value>) -> Result<Users, String> {
    if fields.is_empty() {
        return Err("users is empty, so nobody could pass".into());
    }
    let mut users = Users::default();
    for (name, password) in fields {
        if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) {
            return Err(format!("user name {name:?} is empty or has a colon or control character"));
        }
        let password =
            password.as_str().ok_or_else(|| format!("the password of {name:?} is not a string"))?;
        users.add(name, password);
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Config::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn realm_is_quoted_in_the_challenge() {
        let config = br#"{"prefix":"/a","realm":"the \"back\" office","users":{"u":"p"}}"#;
        let challenge = Config::parse(config).unwrap().challenge;
        assert_eq!(challenge, r#"Basic realm="the \"back\" office", charset="UTF-8""#);
    }

    #[test]
    fn each_problem_is_named() {
        assert!(problem("").contains("there is none"));
        assert!(problem("{").contains("EOF"));
        assert!(problem(r#"{"users":{"u":"p"}}"#).contains("missing field `prefix`"));
        assert!(problem(r#"{"prefix":"/a"}"#).contains("missing field `users`"));
        assert!(problem(r#"{"prefix":"/a","users":{}}"#).contains("users is empty"));
        assert!(problem(r#"{"prefix":"/a","users":{"u":"p"},"x":1}"#).contains("unknown field `x`"));
        assert!(problem(r#"{"prefix":"a","users":{"u":"p"}}"#).contains("prefix"));
        assert!(problem(r#"{"prefix":"/a","users":{"u:v":"p"}}"#).contains("colon"));
        assert!(problem(r#"{"prefix":"/a","realm":"a\nb","users":{"u":"p"}}"#).contains("realm"));
    }

    #[test]
    fn a_message_never_quotes_a_password() {
        let problem = problem(r#"{"prefix":"/a","users":{"u":12345678}}"#);
        assert_eq!(problem, r#"the password of "u" is not a string"#);
    }
}

//! Basic credentials (RFC 7617).

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

type Fingerprint = [u8; 32];

/// Who may pass. Passwords are not kept, only a digest of `name:password`.
#[derive(Default)]
pub struct Users {
    users: Vec<(String, Fingerprint)>,
}

impl Users {
    pub fn add(&mut self, name: &str, password: &str) {
        let credentials = format!("{name}:{password}");
        self.users.push((name.to_string(), fingerprint(credentials.as_bytes())));
    }

    /// The user whom the value of an `authorization` header names with the right password.
    pub fn authenticate(&self, authorization: &[u8]) -> Option<&str> {
        let credentials = basic_credentials(authorization)?;
        let index = self.position(&fingerprint(&credentials))?;
        Some(&self.users[index].0)
    }

    /// Takes the same time whichever user matches, if any: digests have one length, and every user
    /// is compared in full.
    fn position(&self, wanted: &Fingerprint) -> Option<usize> {
        let mut found = Choice::from(0);
        let mut position = 0u32;
        for (index, (_, known)) in self.users.iter().enumerate() {
            let equal = known.ct_eq(wanted);
            position.conditional_assign(&(index as u32), equal);
            found |= equal;
        }
        bool::from(found).then_some(position as usize)
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "{} users", self.users.len())
    }
}

fn fingerprint(credentials: &[u8]) -> Fingerprint {
    Sha256::digest(credentials).into()
}

/// `name:password` of `Basic <base64>`; the scheme's case does not matter, nor does padding.
fn basic_credentials(authorization: &[u8]) -> Option<Vec<u8>> {
    let space = authorization.iter().position(|&byte| byte == b' ')?;
    let (scheme, token) = authorization.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config).decode(token.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let mut users = Users::default();
        users.add("alice", "wonderland");
        users.add("bob", "a:b");
        users
    }

    #[test]
    fn right_credentials_name_the_user() {
        let users = users();
        assert_eq!(users.authenticate(b"Basic YWxpY2U6d29uZGVybGFuZA=="), Some("alice"));
        assert_eq!(users.authenticate(b"basic  YWxpY2U6d29uZGVybGFuZA"), Some("alice"));
        assert_eq!(users.authenticate(b"BASIC Ym9iOmE6Yg=="), Some("bob"));
    }

    #[test]
    fn anything_else_names_nobody() {
        let users = users();
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic !!!!",
            "Bearer YWxpY2U6d29uZGVybGFuZA==",
            "Basic YWxpY2U6",                            // alice:
            "Basic YWxpY2U=",                            // alice
            "Basic YWxpY2U6V29uZGVybGFuZA==",            // alice:Wonderland
            "Basic YWxpY2U6d29uZGVybGFuZA==,Basic eDp5", // two headers, joined
        ] {
            assert_eq!(users.authenticate(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        assert_eq!(format!("{:?}", users()), "2 users");
    }
}

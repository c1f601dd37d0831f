//! Whether a request asks for something below a path prefix.
//!
//! The app behind may read a path in more than one way: Express ignores case, a file server decodes
//! percent signs, `new URL()` resolves `..` and takes `//x/admin` for the path `/admin` of the host
//! `x`. A path is protected as soon as one such reading leads below the prefix; asking for
//! credentials once too often is the harmless mistake.

/// The segments of a prefix, lower-case.
#[derive(Debug)]
pub struct Prefix {
    segments: Vec<Vec<u8>>,
}

impl Prefix {
    pub fn new(prefix: &str) -> Result<Prefix, String> {
        if !prefix.starts_with('/') || prefix.contains(['?', '#']) {
            return Err(format!("prefix {prefix:?} is not a path that starts with a slash"));
        }
        let segments = segments(prefix.as_bytes());
        if has_parent_segment(&segments) {
            return Err(format!("prefix {prefix:?} has a segment `..`"));
        }
        Ok(Prefix { segments })
    }

    /// Whether a request target (the value of `:path`) is the prefix or below it.
    pub fn covers(&self, target: &[u8]) -> bool {
        let path = target.split(|byte| b"?#".contains(byte)).next().unwrap_or(target);
        let segments = segments(path);
        if has_parent_segment(&segments) {
            return self.may_remain_of(&segments);
        }
        let below = |rest: Option<&[Vec<u8>]>| rest.is_some_and(|r| r.starts_with(&self.segments));
        below(Some(&segments)) || below(without_authority(path, &segments))
    }

    /// Whether resolving `..` in some way can leave a path below the prefix: it only ever drops
    /// segments, so the prefix's own must all be there, in order.
    fn may_remain_of(&self, segments: &[Vec<u8>]) -> bool {
        let mut rest = segments.iter();
        self.segments.iter().all(|wanted| rest.any(|segment| segment == wanted))
    }
}

/// The path's segments without the host, where the target can be read as a URL that has one:
/// `http://host/path` or `//host/path`.
fn without_authority<'a>(path: &[u8], segments: &'a [Vec<u8>]) -> Option<&'a [Vec<u8>]> {
    let is_slash = |index: usize| matches!(path.get(index), Some(b'/' | b'\\'));
    match (is_slash(0), is_slash(1)) {
        (true, true) => segments.get(1..),
        (true, false) => None,
        (false, _) => segments.get(2..),
    }
}

fn has_parent_segment(segments: &[Vec<u8>]) -> bool {
    segments.iter().any(|segment| segment == b"..")
}

/// The segments of a path, decoded and in lower case; empty ones and `.` mean nothing.
fn segments(path: &[u8]) -> Vec<Vec<u8>> {
    decode(path)
        .to_ascii_lowercase()
        .split(|byte| b"/\\".contains(byte))
        .filter(|segment| !segment.is_empty() && segment != b".")
        .map(<[u8]>::to_vec)
        .collect()
}

/// Decodes percent signs until none can be decoded any more, in one pass over the text: what was
/// encoded twice takes no second one.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    for &byte in text {
        decoded.push(byte);
        while let Some(byte) = decoded.last_chunk().and_then(decode_one) {
            decoded.truncate(decoded.len() - 3);
            decoded.push(byte);
        }
    }
    decoded
}

fn decode_one(&[percent, high, low]: &[u8; 3]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    (percent == b'%').then_some(())?;
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(prefix: &str, target: &str) -> bool {
        Prefix::new(prefix).unwrap().covers(target.as_bytes())
    }

    #[test]
    fn prefix_and_what_is_below_it() {
        for target in ["/admin", "/admin/", "/admin/x", "/admin?x", "/admin/?x", "/admin#x"] {
            assert!(covers("/admin", target), "{target}");
            assert!(covers("/admin/", target), "{target}");
        }
    }

    #[test]
    fn other_paths() {
        for target in [
            "/",
            "",
            "*",
            "/administrator",
            "/x/admin",
            "/?/admin",
            "/x?y=/../admin",
            "/a/../b",
            "/%",
            "/%zz",
            "http://host/x",
        ] {
            assert!(!covers("/admin", target), "{target}");
        }
    }

    #[test]
    fn other_spellings() {
        for target in [
            "/ADMIN",
            "/Admin/x",
            "//admin",
            "///admin//x",
            "/./admin",
            "\\admin",
            "/%61dmin",
            "/%41DMIN",
            "/%2561dmin",
            "/%%361dmin",
            "/admin%2fx",
            "/admin%5cx",
            "%2fadmin",
        ] {
            assert!(covers("/admin", target), "{target}");
        }
    }

    #[test]
    fn ways_round_by_parent_segments() {
        for target in [
            "/admin/../public",
            "/public/../admin",
            "/public/%2e%2E/admin",
            "/public/.%252e/admin",
            "/a%2fb/../admin",
            "/a\\b/../admin",
            "/x/../admin//../",
            "/x/../admin/%2e%2e%2f",
        ] {
            assert!(covers("/admin", target), "{target}");
        }
        assert!(covers("/admin/x", "/admin/y/../x"));
        assert!(!covers("/admin/x", "/x/../admin"));
    }

    #[test]
    fn targets_with_a_host() {
        for target in
            ["http://host/admin", "HTTPS://host:1/admin/x", "//host/admin", "/\\host/admin"]
        {
            assert!(covers("/admin", target), "{target}");
        }
    }

    #[test]
    fn prefix_with_several_segments() {
        assert!(covers("/a/B", "/A/b/c"));
        assert!(!covers("/a/b", "/a"));
        assert!(!covers("/a/b", "/b"));
    }

    #[test]
    fn a_slash_covers_everything() {
        for target in ["/", "/x", "", "*", "/a/../b"] {
            assert!(covers("/", target), "{target}");
        }
    }

    #[test]
    fn a_prefix_must_be_a_plain_path() {
        for prefix in ["", "admin", "/admin?x", "/a/../b"] {
            assert!(Prefix::new(prefix).is_err(), "{prefix}");
        }
    }

    #[test]
    fn decoding_takes_one_pass_however_often_it_was_encoded() {
        let text = format!("/%{}61dmin", "25".repeat(100_000));
        assert!(covers("/admin", &text));
    }
}

//! As much of protobuf's wire format as two messages need.

/// Appends a field of bytes, text or a message. An empty one is left out, as protobuf does.
pub fn put(target: &mut Vec<u8>, field: u32, content: &[u8]) {
    if content.is_empty() {
        return;
    }
    put_varint(target, (field as u64) << 3 | 2);
    put_varint(target, content.len() as u64);
    target.extend_from_slice(content);
}

fn put_varint(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push(value as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}

#[derive(Debug, PartialEq)]
pub enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order; None where it is malformed. Fixed-size fields are skipped.
pub fn fields(mut bytes: &[u8]) -> Option<Vec<(u32, Value<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let field = u32::try_from(tag >> 3).ok().filter(|field| *field != 0)?;
        match tag & 7 {
            0 => fields.push((field, Value::Number(take_varint(&mut bytes)?))),
            1 => drop(take(&mut bytes, 8)?),
            2 => {
                let size = usize::try_from(take_varint(&mut bytes)?).ok()?;
                fields.push((field, Value::Bytes(take(&mut bytes, size)?)));
            }
            5 => drop(take(&mut bytes, 4)?),
            _ => return None,
        }
    }
    Some(fields)
}

fn take<'a>(bytes: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(size)?;
    *bytes = rest;
    Some(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read_back() {
        let long = vec![7; 300];
        let mut bytes = Vec::new();
        put(&mut bytes, 1, b"a");
        put(&mut bytes, 2, b"");
        put(&mut bytes, 300, &long);
        let expected = vec![(1, Value::Bytes(b"a")), (300, Value::Bytes(&long))];
        assert_eq!(fields(&bytes), Some(expected));
    }

    #[test]
    fn numbers_are_read_and_fixed_fields_skipped() {
        let bytes = [8, 0x96, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 16, 3];
        assert_eq!(fields(&bytes), Some(vec![(1, Value::Number(150)), (2, Value::Number(3))]));
    }

    #[test]
    fn what_is_malformed_is_none() {
        for bytes in [&[10u8, 5, 1][..], &[8], &[8, 0x80], &[11], &[2, 0], &[0xff; 20]] {
            assert_eq!(fields(bytes), None, "{bytes:?}");
        }
    }
}

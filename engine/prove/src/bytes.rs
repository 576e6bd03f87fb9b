//! States as bytes: fixed width, big enough for every clock.

/// Append a number.
pub fn put(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_be_bytes());
}

/// Append a wide number.
pub fn put_wide(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_be_bytes());
}

/// Reads what was put; zero beyond the end.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// The next number.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    /// The next wide number.
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes([(); 8].map(|()| self.u8()))
    }
}

//! Ids of messages: version 4 UUIDs.

/// Makes ids from a seed, so that a run can be repeated.
#[derive(Clone, Debug)]
pub struct Ids {
    state: u64,
}

impl Ids {
    /// Ids that follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next id.
    pub fn make(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// Whether a text is a version 4 UUID, in either case.
#[must_use]
pub fn is_message_id(text: &str) -> bool {
    let shape = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, place)| match place {
            b'x' => byte.is_ascii_hexdigit(),
            b'v' => matches!(byte.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'),
            _ => byte == place,
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_version_4_and_do_not_repeat() {
        let mut ids = Ids::new(7);
        let made: BTreeSet<String> = (0..1_000).map(|_| ids.make()).collect();
        assert!(made.iter().all(|id| is_message_id(id)));
        assert_eq!(made.len(), 1_000);
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "e6b9a8c0-7d2f-1c35-9a1e-2f6a5f1b0c11", "e6b9a8c0-7d2f-4c35-ca1e-2f6a5f1b0c11", "x"]
        {
            assert!(!is_message_id(text), "{text}");
        }
        assert!(is_message_id("E6B9A8C0-7D2F-4C35-9A1E-2F6A5F1B0C11"));
    }
}

use proptest::prelude::*;

use super::super::tests::{allow, control_state, element, pdu};
use super::*;

const ENGINE: &[u8] = b"\x80\x00\x1f\x88\x04test";
const SALT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// What a message is made of; each test bends one part.
struct Parts {
    flags: u8,
    model: u8,
    engine: Vec<u8>,
    user: Vec<u8>,
    tag: Vec<u8>,
    salt: Vec<u8>,
    payload: Vec<u8>,
}

fn number(n: u8) -> Vec<u8> {
    element(0x02, &[n])
}

fn scoped(pdu: &[u8]) -> Vec<u8> {
    element(0x30, &[element(0x04, ENGINE), element(0x04, b""), pdu.to_vec()].concat())
}

fn set(row: u32, value: u8) -> Vec<u8> {
    scoped(&pdu(0xa3, &[(control_state(row), number(value))]))
}

/// Stands for a cipher: its own inverse.
fn cipher(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0x5a).collect()
}

fn sealed(scoped: &[u8]) -> Parts {
    let payload = element(0x04, &cipher(scoped));
    let (engine, salt) = (ENGINE.to_vec(), SALT.to_vec());
    Parts { flags: 0b111, model: 3, engine, user: b"engine".to_vec(), tag: vec![0; 24], salt, payload }
}

fn signed(scoped: &[u8]) -> Parts {
    Parts { flags: 0b101, salt: vec![], payload: scoped.to_vec(), ..sealed(scoped) }
}

fn discovery(pdu: &[u8]) -> Parts {
    let payload = element(0x30, &[element(0x04, b""), element(0x04, b""), pdu.to_vec()].concat());
    let empty = || vec![];
    Parts { flags: 0b100, engine: empty(), user: empty(), tag: empty(), salt: empty(), payload, model: 3 }
}

impl Parts {
    fn message(&self) -> Vec<u8> {
        let flags = element(0x04, &[self.flags]);
        let global = [number(9), element(0x02, &[5, 0xc0]), flags, number(self.model)].concat();
        let usm = [
            element(0x04, &self.engine),
            number(3),
            number(77),
            element(0x04, &self.user),
            element(0x04, &self.tag),
            element(0x04, &self.salt),
        ];
        let usm = element(0x04, &element(0x30, &usm.concat()));
        element(0x30, &[number(3), element(0x30, &global), usm, self.payload.clone()].concat())
    }

    fn check(&self, required: Level) -> Result<Passed, Refused> {
        check_message_v3(&self.message(), &allow(), required, |sealed| {
            assert_eq!((sealed.engine, sealed.boots, sealed.time), (&self.engine[..], 3, 77));
            Some(cipher(sealed.ciphertext))
        })
    }
}

#[test]
fn s5_what_is_encrypted_is_judged_like_what_is_not() {
    for row in 0..=255 {
        for value in [0, 1, 2] {
            let lawful = [3, 4].contains(&row) && value <= 1;
            let wanted = lawful.then_some(Passed::Write);
            assert_eq!(sealed(&set(row, value)).check(Level::AuthPriv).ok(), wanted, "{row}");
            assert_eq!(signed(&set(row, value)).check(Level::AuthNoPriv).ok(), wanted, "{row}");
        }
    }
    let read = scoped(&pdu(0xa0, &[(vec![1, 3, 6, 1], vec![5, 0])]));
    assert_eq!(sealed(&read).check(Level::AuthPriv), Ok(Passed::Read));
}

#[test]
fn s5_no_write_leaves_at_a_lower_level_than_configured() {
    let weaker = signed(&set(3, 1));
    assert_eq!(weaker.check(Level::AuthPriv), Err(Refused::Unused("another level of security")));
    assert!(sealed(&set(3, 1)).check(Level::AuthNoPriv).is_err());
    let open = Parts { flags: 0b100, tag: vec![], ..signed(&set(3, 1)) };
    assert!(open.check(Level::AuthNoPriv).is_err() && open.check(Level::AuthPriv).is_err());
    let pretended = Parts { flags: 0b101, ..sealed(&set(3, 1)) };
    assert!(pretended.check(Level::AuthPriv).is_err());
}

#[test]
fn a_discovery_passes_and_nothing_else_without_authentication() {
    for level in [Level::AuthNoPriv, Level::AuthPriv] {
        assert_eq!(discovery(&pdu(0xa0, &[])).check(level), Ok(Passed::Read));
        let read = pdu(0xa0, &[(vec![1, 3, 6, 1], vec![5, 0])]);
        assert!(discovery(&read).check(level).is_err());
        assert!(discovery(&pdu(0xa3, &[(control_state(3), number(1))])).check(level).is_err());
        assert!(discovery(&pdu(0xa3, &[])).check(level).is_err());
        let named = Parts { user: b"engine".to_vec(), ..discovery(&pdu(0xa0, &[])) };
        assert!(named.check(level).is_err());
    }
}

#[test]
fn security_parameters_that_contradict_the_flags_are_refused() {
    let good = || sealed(&set(3, 1));
    let refused = |parts: Parts| parts.check(Level::AuthPriv).is_err();
    assert!(refused(Parts { model: 2, ..good() }));
    assert!(refused(Parts { flags: 0b110, ..good() }), "privacy without authentication");
    assert!(refused(Parts { flags: 0b1111, ..good() }), "a flag that does not exist");
    assert!(refused(Parts { tag: vec![0; 11], ..good() }));
    assert!(refused(Parts { salt: vec![0; 7], ..good() }));
    assert!(refused(Parts { engine: vec![0; 4], ..good() }));
    assert!(refused(Parts { user: vec![], ..good() }));
    assert!(refused(Parts { payload: element(0x04, &cipher(&[set(3, 1), vec![0]].concat())), ..good() }));
    let closed = check_message_v3(&good().message(), &allow(), Level::AuthPriv, |_| None);
    assert_eq!(closed, Err(Refused::Malformed("what cannot be opened")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn x8_no_bytes_make_the_guard_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let open = |sealed: &Sealed<'_>| Some(cipher(sealed.ciphertext));
        prop_assert_ne!(check_message_v3(&bytes, &allow(), Level::AuthPriv, open), Ok(Passed::Write));
    }

    /// Whatever one byte of a lawful message becomes: if a write passes, it is of an own row.
    #[test]
    fn s5_a_changed_message_never_reaches_another_row(at in 0usize..400, byte in any::<u8>(), level in any::<bool>()) {
        let (parts, required) = if level {
            (sealed(&set(3, 1)), Level::AuthPriv)
        } else {
            (signed(&set(3, 1)), Level::AuthNoPriv)
        };
        let mut bytes = parts.message();
        let at = at % bytes.len();
        bytes[at] = byte;
        let open = |sealed: &Sealed<'_>| Some(cipher(sealed.ciphertext));
        if check_message_v3(&bytes, &allow(), required, open) == Ok(Passed::Write) {
            let tail = &bytes[bytes.len() - 4..];
            let tail = if level { cipher(tail) } else { tail.to_vec() };
            prop_assert!(tail[0] == 3 || tail[0] == 4);
            prop_assert!(matches!(tail[1..], [2, 1, 0 | 1]));
        }
    }
}

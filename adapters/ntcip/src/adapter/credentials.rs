//! Who we are to a controller: a community, or a user with keys. Secrets stand in no log.

use std::fmt;
use std::str::FromStr;

use async_snmp::{AuthProtocol, MasterKeys, PrivProtocol};

/// The community that everybody knows: it is good for reading at most.
const PUBLIC: &str = "public";
/// Objects of a status in one message of version 3.
const SECURED_STATUS_NAMES_MAX: usize = 20;
/// The shortest password that USM takes (RFC 3414, 11.2).
const PASSWORD_MIN: usize = 8;

/// Why something is no credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialError {
    /// An algorithm that is not known, or too weak.
    #[error("not an algorithm that is taken here; known are {0}")]
    Algorithm(&'static str),
    /// A password of less than eight octets.
    #[error("the password is shorter than 8 characters")]
    Password,
    /// A user of no or more than 32 octets (RFC 3414).
    #[error("a user's name has 1 to 32 characters")]
    User,
}

/// How messages are authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authentication(AuthProtocol);

impl Authentication {
    /// The words that the configuration knows.
    pub const WORDS: &'static str = "sha1, sha224, sha256, sha384, sha512";
}

impl FromStr for Authentication {
    type Err = CredentialError;

    fn from_str(word: &str) -> Result<Self, CredentialError> {
        Ok(Self(match word {
            "sha1" => AuthProtocol::Sha1,
            "sha224" => AuthProtocol::Sha224,
            "sha256" => AuthProtocol::Sha256,
            "sha384" => AuthProtocol::Sha384,
            "sha512" => AuthProtocol::Sha512,
            _ => return Err(CredentialError::Algorithm(Self::WORDS)),
        }))
    }
}

/// How messages are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Privacy(PrivProtocol);

impl Privacy {
    /// The words that the configuration knows: AES-192 and AES-256 exist with two ways to lengthen
    /// a key that is too short, and both ends must take the same.
    pub const WORDS: &'static str =
        "aes128, aes192-blumenthal, aes192-reeder, aes256-blumenthal, aes256-reeder";
}

impl FromStr for Privacy {
    type Err = CredentialError;

    fn from_str(word: &str) -> Result<Self, CredentialError> {
        Ok(Self(match word {
            "aes128" => PrivProtocol::Aes128,
            "aes192-blumenthal" => PrivProtocol::Aes192Blumenthal,
            "aes192-reeder" => PrivProtocol::Aes192Reeder,
            "aes256-blumenthal" => PrivProtocol::Aes256Blumenthal,
            "aes256-reeder" => PrivProtocol::Aes256Reeder,
            _ => return Err(CredentialError::Algorithm(Self::WORDS)),
        }))
    }
}

/// A user of version 3 (USM) with the keys made from its passwords. Making them takes some
/// milliseconds, by intention of RFC 3414: make a user once and clone it.
#[derive(Clone)]
pub struct User {
    pub(super) name: String,
    pub(super) keys: MasterKeys,
}

impl User {
    /// A user that authenticates, and encrypts where `privacy` is given.
    ///
    /// # Errors
    /// The name or a password is unusable.
    pub fn new(
        name: &str,
        (authentication, password): (Authentication, &str),
        privacy: Option<(Privacy, &str)>,
    ) -> Result<Self, CredentialError> {
        if !(1..=32).contains(&name.len()) {
            return Err(CredentialError::User);
        }
        if privacy.is_some_and(|(_, password)| password.len() < PASSWORD_MIN) {
            return Err(CredentialError::Password);
        }
        let made = MasterKeys::new(authentication.0, password.as_bytes());
        let keys = made.and_then(|keys| match privacy {
            Some((privacy, password)) => keys.with_privacy(privacy.0, password.as_bytes()),
            None => Ok(keys),
        });
        let keys = keys.map_err(|_| CredentialError::Password)?;
        Ok(Self { name: name.to_owned(), keys })
    }
}

/// How to prove who we are.
#[derive(Clone)]
pub enum Credentials {
    /// Version 1, which every controller speaks, with a community.
    V1(String),
    /// Version 2c, with a community.
    V2c(String),
    /// Version 3.
    V3(Box<User>),
}

impl Credentials {
    /// Whether nobody between can change a message unnoticed.
    #[must_use]
    pub fn are_authenticated(&self) -> bool {
        matches!(self, Self::V3(_))
    }

    /// How many objects of a status one message may hold, where it is not the profile alone that says
    /// so: what authentication and decryption cost grows with the length, and a message shall be read
    /// within 5 microseconds (`benches/decode.rs`).
    #[must_use]
    pub fn status_names_max(&self) -> Option<usize> {
        matches!(self, Self::V3(_)).then_some(SECURED_STATUS_NAMES_MAX)
    }

    /// Why nothing may be written with them, if so.
    pub(super) fn forbid_writing(&self) -> Option<&'static str> {
        match self {
            Self::V1(community) | Self::V2c(community) if community == PUBLIC => {
                Some("the community is the public one: nothing is written with it")
            }
            _ => None,
        }
    }
}

impl Default for Credentials {
    /// Version 1 with the community of devices as they come.
    fn default() -> Self {
        Self::V1("administrator".into())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1(_) => "V1",
            Self::V2c(_) => "V2c",
            Self::V3(_) => "V3",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: Authentication = Authentication(AuthProtocol::Sha1);

    #[test]
    fn weak_algorithms_and_short_secrets_are_refused() {
        assert!("md5".parse::<Authentication>().is_err() && "des".parse::<Privacy>().is_err());
        for word in Authentication::WORDS.split(", ") {
            assert!(word.parse::<Authentication>().is_ok(), "{word}");
        }
        for word in Privacy::WORDS.split(", ") {
            assert!(word.parse::<Privacy>().is_ok(), "{word}");
        }
        let aes: Privacy = "aes128".parse().unwrap();
        let refused = |name, password, privacy| User::new(name, (AUTH, password), privacy).err();
        assert_eq!(refused("", "12345678", None), Some(CredentialError::User));
        assert_eq!(refused("engine", "1234567", None), Some(CredentialError::Password));
        assert_eq!(refused("engine", "12345678", Some((aes, "short"))), Some(CredentialError::Password));
        assert_eq!(refused("engine", "12345678", Some((aes, "12345678"))), None);
    }

    #[test]
    fn x6_no_secret_stands_in_debug_output() {
        let user = User::new("engine", (AUTH, "canary-canary"), None).unwrap();
        for credentials in [
            Credentials::V1("canary".into()),
            Credentials::V2c("canary".into()),
            Credentials::V3(Box::new(user)),
        ] {
            assert!(!format!("{credentials:?}").contains("canary"));
        }
    }

    #[test]
    fn the_public_community_writes_nothing() {
        assert!(Credentials::V2c("public".into()).forbid_writing().is_some());
        assert!(Credentials::default().forbid_writing().is_none());
    }
}

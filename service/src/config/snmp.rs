//! How SNMP is spoken to one controller: version, user, algorithms, files of the secrets.

use std::ops::Range;
use std::path::PathBuf;

use clearway_ntcip::adapter::{Authentication, Privacy};
use clearway_ntcip::{Commissioned, NoChecksum};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ControllerEntry;
use super::check::Checker;

/// SNMP of one controller. Without it: version 1 with `community_file`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnmpEntry {
    /// 1, 2 (2c) or 3.
    #[schemars(extend("enum" = [1, 2, 3]))]
    pub version: u8,
    /// Version 3: the user.
    #[serde(default)]
    pub user: Option<String>,
    /// Version 3: how messages are authenticated.
    #[serde(default)]
    #[schemars(extend("enum" = ["sha1", "sha224", "sha256", "sha384", "sha512", null]))]
    pub auth: Option<String>,
    /// Version 3: file with the password of authentication. Mode 0600.
    #[serde(default)]
    pub auth_file: Option<PathBuf>,
    /// Version 3: how messages are encrypted; in clear when not given.
    #[serde(default)]
    #[schemars(extend("enum" = [
        "aes128", "aes192-blumenthal", "aes192-reeder", "aes256-blumenthal", "aes256-reeder", null
    ]))]
    pub privacy: Option<String>,
    /// Version 3: file with the password of encryption. Mode 0600.
    #[serde(default)]
    pub privacy_file: Option<PathBuf>,
}

impl SnmpEntry {
    /// Whether nobody between can change a message unnoticed.
    #[must_use]
    pub const fn is_authenticated(&self) -> bool {
        self.version == 3
    }
}

/// An NTCIP controller as it was commissioned: `clearway controllers` prints the line. Without it the
/// version of its module must hold the model's configuration hash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NtcipEntry {
    /// Maker of the module.
    pub make: String,
    /// Model of the module.
    pub model: String,
    /// Version of the module.
    pub version: String,
    /// Over the model's controller and the tables that the arming gate reads: four times eight
    /// hexadecimal digits.
    pub checksum: String,
}

impl NtcipEntry {
    /// For the adapter.
    ///
    /// # Errors
    /// When the checksum is none.
    pub fn commissioned(&self) -> Result<Commissioned, NoChecksum> {
        let checksum = self.checksum.parse()?;
        let (make, model, version) = (self.make.clone(), self.model.clone(), self.version.clone());
        Ok(Commissioned { make, model, version, checksum })
    }
}

const USER_CURE: &str = "Write snmp = { version = 3, user = \"…\", auth = \"sha256\", auth_file = \"…\", privacy = \"aes128\", privacy_file = \"…\" }.";

impl Checker<'_> {
    /// The SNMP of one controller.
    pub(super) fn snmp(&mut self, at: &Range<usize>, controller: &ControllerEntry) {
        let Some(snmp) = &controller.snmp else { return };
        let mut fault = |message: String, cure: &str| self.fault(at.clone(), "snmp", message, cure);
        match snmp.version {
            1 | 2 => {
                let user = [&snmp.user, &snmp.auth, &snmp.privacy].iter().any(|word| word.is_some());
                if user || snmp.auth_file.is_some() || snmp.privacy_file.is_some() {
                    let message = format!("SNMP version {} has no users", snmp.version);
                    fault(message, "Write version = 3, or a community_file and no user.");
                }
                return;
            }
            3 => {}
            other => return fault(format!("SNMP has no version {other}"), "Write 1, 2 (for 2c) or 3."),
        }
        if controller.community_file.is_some() {
            fault("SNMP version 3 has no community".to_owned(), "Remove community_file.");
        }
        if snmp.user.as_deref().is_none_or(|user| !(1..=32).contains(&user.len())) {
            fault("SNMP version 3 needs a user of 1 to 32 characters".to_owned(), USER_CURE);
        }
        match &snmp.auth {
            None => fault("nothing is asked of a controller without authentication".to_owned(), USER_CURE),
            Some(word) => {
                if let Err(error) = word.parse::<Authentication>() {
                    fault(format!("`{word}`: {error}"), USER_CURE);
                }
            }
        }
        if let Some(word) = &snmp.privacy
            && let Err(error) = word.parse::<Privacy>()
        {
            fault(format!("`{word}`: {error}"), USER_CURE);
        }
        if snmp.auth_file.is_none() || snmp.privacy.is_some() != snmp.privacy_file.is_some() {
            fault("each algorithm needs the file of its password".to_owned(), USER_CURE);
        }
        for file in [&snmp.auth_file, &snmp.privacy_file].into_iter().flatten() {
            self.secret(at.clone(), "snmp", file);
        }
    }

    fn commissioned(&mut self, at: &Range<usize>, controller: &ControllerEntry) {
        let Some(ntcip) = &controller.ntcip else { return };
        if controller.protocol.as_deref().is_some_and(|protocol| protocol != "ntcip") {
            let message = "a controller of another protocol is not commissioned by NTCIP".to_owned();
            return self.fault(at.clone(), "ntcip", message, "Remove it, or write protocol = \"ntcip\".");
        }
        if let Err(error) = ntcip.commissioned() {
            let cure = "Copy the line that `clearway controllers` prints of the controller.";
            self.fault(at.clone(), "ntcip", error.to_string(), cure);
        }
    }

    /// Profile and commissioning of one NTCIP controller.
    pub(super) fn profile(&mut self, at: &Range<usize>, controller: &ControllerEntry) {
        use clearway_ntcip::Profile;
        self.commissioned(at, controller);
        match (&controller.profile, &controller.profile_file) {
            (Some(_), Some(_)) => {
                let message = "the controller has two profiles".to_owned();
                self.fault(
                    at.clone(),
                    "profile",
                    message,
                    "Keep profile or profile_file; a file may build on a base.",
                );
            }
            (Some(name), None) if Profile::named(name).is_none() => {
                let message = format!("there is no profile `{name}`");
                let cure = format!("Shipped are {}.", Profile::names().join(", "));
                self.fault(at.clone(), "profile", message, &cure);
            }
            (None, Some(file)) => {
                let read =
                    std::fs::read_to_string(self.config.resolve(file)).map_err(|error| error.to_string());
                let profile =
                    read.and_then(|text| Profile::from_toml(&text).map_err(|error| error.to_string()));
                if let Err(error) = profile {
                    let message = format!("the profile `{}`: {error}", file.display());
                    self.fault(
                        at.clone(),
                        "profile_file",
                        message,
                        "docs/ntcip-profiles.md explains every key.",
                    );
                }
            }
            _ => {}
        }
    }
}
